//! Exact counts afterwards: everything once, nothing left behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    fleet::{Fleet, eventually},
    learner::Graduate,
};

/// How long the last event may take to arrive everywhere.
const PATIENCE: Duration = Duration::from_secs(60);
/// The notices that everybody gets who went the whole way: one entry in the feed and one mail each.
const NOTICES: [&str; 4] = ["certificate-issued", "course-completed", "enrolment-started", "order-paid"];

/// The notice of a payment that failed.
const FAILURE_NOTICE: &str = "payment-failed";

/// What one scenario caused.
#[derive(Debug, Clone)]
pub struct Caused {
    pub scenario: String,
    pub run: Uuid,
    pub since: OffsetDateTime,
    /// When the next one began, which brings the same people other notices.
    pub until: Option<OffsetDateTime>,
    /// The newest mail before it.
    pub mails_before: u64,
    pub graduates: Vec<Graduate>,
    /// Whether a mail may have come twice: the sender died between the server's answer and its record.
    pub may_repeat_mails: bool,
}

impl Caused {
    fn users(&self) -> Vec<Uuid> {
        self.graduates.iter().map(|one| one.user).collect()
    }

    fn until(&self) -> OffsetDateTime {
        self.until.unwrap_or(self.since + time::Duration::DAY)
    }

    fn orders(&self) -> Vec<Uuid> {
        self.graduates.iter().map(|one| one.order).collect()
    }
}

/// Waits until everything has arrived, and fails if anything is there twice.
pub async fn settled(fleet: &Fleet, caused: &Caused) -> Result<()> {
    eventually(PATIENCE, async || {
        outboxes_are_empty(fleet).await?;
        exact(fleet, caused).await
    })
    .await
}

/// Everything is there once.
pub async fn exact(fleet: &Fleet, caused: &Caused) -> Result<()> {
    sold_once(fleet.database("payments")?, caused).await?;
    learnt_once(fleet.database("courses")?, caused).await?;
    certified_once(fleet.database("documents")?, caused).await?;
    notified_once(fleet, caused).await?;
    counted_once(fleet.database("analytics")?, caused).await
}

async fn count(pool: &PgPool, statement: &'static str, run: Uuid) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(statement).bind(run).fetch_one(pool).await?)
}

/// So many rows, and each for somebody else.
fn expect(what: &str, found: (i64, i64), caused: &Caused) -> Result<()> {
    let wanted = i64::try_from(caused.graduates.len())?;
    ensure!(found == (wanted, wanted), "{what}: {} of {} people, expected {wanted}", found.0, found.1);
    Ok(())
}

async fn sold_once(payments: &PgPool, caused: &Caused) -> Result<()> {
    let orders = "select count(*), count(distinct o.buyer_id) from orders o join order_grants g using (order_id)
                  where g.run_id = $1 and o.state = 'paid'";
    expect("paid orders", count(payments, orders, caused.run).await?, caused)?;
    let others = "select count(*), 0::bigint from orders o join order_grants g using (order_id)
                  where g.run_id = $1 and o.state <> 'paid'";
    ensure!(count(payments, others, caused.run).await?.0 == 0, "an order was placed twice");
    let entitlements = "select count(*), count(distinct learner_id) from entitlements
                        where run_id = $1 and state = 'active'";
    expect("entitlements", count(payments, entitlements, caused.run).await?, caused)?;
    let revenue =
        "select count(*), count(distinct order_id) from revenue_facts where run_id = $1 and kind = 'captured'";
    expect("revenue facts", count(payments, revenue, caused.run).await?, caused)?;
    let moved: i64 =
        sqlx::query_scalar("select count(*) from revenue_facts where order_id = any($1) and kind <> 'captured'")
            .bind(caused.orders())
            .fetch_one(payments)
            .await?;
    ensure!(moved == 0, "{moved} facts say that money went back");
    let captured: (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct order_id) from attempts where order_id = any($1) and state = 'succeeded'",
    )
    .bind(caused.orders())
    .fetch_one(payments)
    .await?;
    expect("captured payments", captured, caused)
}

async fn learnt_once(courses: &PgPool, caused: &Caused) -> Result<()> {
    let entitlements = "select count(*), count(distinct learner_id) from entitlements where run_id = $1";
    expect("copies of entitlements", count(courses, entitlements, caused.run).await?, caused)?;
    let all = "select count(*), count(distinct learner_id) from enrolments where run_id = $1";
    expect("enrolments", count(courses, all, caused.run).await?, caused)?;
    let done = "select count(*), count(distinct learner_id) from enrolments where run_id = $1 and state = 'completed'";
    expect("finished enrolments", count(courses, done, caused.run).await?, caused)
}

async fn certified_once(documents: &PgPool, caused: &Caused) -> Result<()> {
    let statement =
        "select count(*), count(distinct learner_id) from certificates where run_id = $1 and state = 'printed'";
    expect("certificates", count(documents, statement, caused.run).await?, caused)?;
    let others = "select count(*), 0::bigint from certificates where run_id = $1 and state <> 'printed'";
    ensure!(count(documents, others, caused.run).await?.0 == 0, "there are other certificates");
    Ok(())
}

/// One entry in the feed and one mail of each kind for everybody.
async fn notified_once(fleet: &Fleet, caused: &Caused) -> Result<()> {
    let notifications = fleet.database("notifications")?;
    let wanted: BTreeSet<(Uuid, String)> =
        caused.users().into_iter().flat_map(|user| NOTICES.map(|kind| (user, kind.to_owned()))).collect();
    let feed: Vec<(Uuid, String)> = sqlx::query_as(
        "select recipient_id, kind from notices where recipient_id = any($1) and created_at >= $2 and created_at < $3",
    )
    .bind(caused.users())
    .bind(caused.since)
    .bind(caused.until())
    .fetch_all(notifications)
    .await?;
    let (failure_notices, feed): (Vec<_>, Vec<_>) = feed.into_iter().partition(|(_, kind)| kind == FAILURE_NOTICE);
    once("feed entries", &wanted, feed)?;
    failures_notified(fleet, caused, failure_notices.len()).await?;
    let sent: Vec<(Uuid, String)> = sqlx::query_as(
        "select recipient_id, kind from deliveries
         where recipient_id = any($1) and created_at >= $2 and created_at < $3 and kind = any($4) and state = 'sent'",
    )
    .bind(caused.users())
    .bind(caused.since)
    .bind(caused.until())
    .bind(NOTICES.map(str::to_owned).to_vec())
    .fetch_all(notifications)
    .await?;
    if let Err(error) = once("mails", &wanted, sent) {
        bail!("{error:#}; {}", unsent(fleet, caused).await?);
    }
    let kept: i64 = sqlx::query_scalar(
        "select count(*) from deliveries where recipient_id = any($1) and created_at >= $2 and created_at < $3 and state <> 'sent'",
    )
    .bind(caused.users())
    .bind(caused.since)
    .bind(caused.until())
    .fetch_one(notifications)
    .await?;
    ensure!(kept == 0, "{kept} mails have not left");
    for one in &caused.graduates {
        arrived_once(fleet, caused, one).await?;
    }
    Ok(())
}

/// What is known of the mails that have not left.
async fn unsent(fleet: &Fleet, caused: &Caused) -> Result<String> {
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', kind, state, reason, 'after', attempts, 'tries, next at', next_attempt_at, 'made at', created_at)
         from deliveries
         where recipient_id = any($1) and created_at >= $2 and created_at < $3 and state <> 'sent'",
    )
    .bind(caused.users())
    .bind(caused.since)
    .bind(caused.until())
    .fetch_all(fleet.database("notifications")?)
    .await?;
    Ok(format!("not sent: {rows:?}"))
}

/// Each failed payment has one notice in the feed, unless its page was lost with a process.
async fn failures_notified(fleet: &Fleet, caused: &Caused, failure_notices: usize) -> Result<()> {
    let failed: i64 = sqlx::query_scalar(
        "select count(*) from attempts
         where order_id = any($1) and state = 'failed' and detail not in ('NOT_STARTED', 'PAGE_LOST')",
    )
    .bind(caused.orders())
    .fetch_one(fleet.database("payments")?)
    .await?;
    ensure!(i64::try_from(failure_notices)? == failed, "{failure_notices} feed entries of {failed} failed payments");
    Ok(())
}

fn once(what: &str, wanted: &BTreeSet<(Uuid, String)>, found: Vec<(Uuid, String)>) -> Result<()> {
    let total = found.len();
    let each: BTreeSet<(Uuid, String)> = found.into_iter().collect();
    if let Some((user, kind)) = wanted.difference(&each).next() {
        bail!("{what}: {user} has no {kind}");
    }
    if let Some((user, kind)) = each.difference(wanted).next() {
        bail!("{what}: {user} has {kind}, which nobody expected");
    }
    ensure!(total == wanted.len(), "{what}: {total} instead of {}", wanted.len());
    Ok(())
}

/// What the mail server has: all mails, and none twice unless the sender died at the one moment where that cannot be helped.
///
/// A delivery's id is a part of its mail's Message-ID.
async fn arrived_once(fleet: &Fleet, caused: &Caused, one: &Graduate) -> Result<()> {
    let deliveries: Vec<Uuid> = sqlx::query_scalar(
        "select delivery_id from deliveries where recipient_id = $1 and created_at >= $2 and created_at < $3",
    )
    .bind(one.user)
    .bind(caused.since)
    .bind(caused.until())
    .fetch_all(fleet.database("notifications")?)
    .await?;
    let mut arrived: BTreeMap<Uuid, u32> = deliveries.into_iter().map(|delivery| (delivery, 0)).collect();
    for mail in fleet.school.outside.mails_after(&one.email, caused.mails_before).await? {
        let id = mail.message_id.trim_start_matches('<').split('@').next().unwrap_or_default();
        let id: Uuid = id.parse().with_context(|| format!("a mail of somebody else: {}", mail.message_id))?;
        if let Some(count) = arrived.get_mut(&id) {
            *count += 1;
        }
    }
    let lost = arrived.values().filter(|count| **count == 0).count();
    ensure!(lost == 0, "{lost} mails to {} are lost", one.email);
    let doubled: Vec<Uuid> = arrived.iter().filter(|(_, count)| **count > 1).map(|(delivery, _)| *delivery).collect();
    if !doubled.is_empty() && !caused.may_repeat_mails {
        bail!("{} got {} mails twice: {}", one.email, doubled.len(), tries(fleet, &doubled).await?);
    }
    Ok(())
}

/// What is known of the tries of mails.
async fn tries(fleet: &Fleet, deliveries: &[Uuid]) -> Result<String> {
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', kind, 'made at', created_at, 'try', number, 'at', started_at, 'took ms', duration_ms, outcome)
         from deliveries join delivery_attempts using (recipient_id, delivery_id)
         where delivery_id = any($1)
         order by delivery_id, number",
    )
    .bind(deliveries)
    .fetch_all(fleet.database("notifications")?)
    .await?;
    Ok(format!("{rows:?}"))
}

/// Analytics has each event once.
async fn counted_once(analytics: &PgPool, caused: &Caused) -> Result<()> {
    let events: (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct aggregate_id) from events
         where type = 'lyceum.events.v1.OrderPaid' and aggregate_id = any($1)",
    )
    .bind(caused.orders())
    .fetch_one(analytics)
    .await?;
    expect("paid orders in the reports", events, caused)
}

/// Nothing waits to be announced.
pub async fn outboxes_are_empty(fleet: &Fleet) -> Result<()> {
    for (service, pool) in fleet.databases() {
        let has_outbox: Option<String> =
            sqlx::query_scalar("select to_regclass('outbox')::text").fetch_one(pool).await?;
        if has_outbox.is_none() {
            continue;
        }
        let rows: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(pool).await?;
        ensure!(rows == 0, "the outbox of {service} holds {rows} rows");
    }
    Ok(())
}

/// Nothing was given up.
pub async fn no_dead_letters(fleet: &Fleet) -> Result<()> {
    for (service, pool) in fleet.databases() {
        let reasons: Vec<String> =
            sqlx::query_scalar("select type || ': ' || reason from bus_dead_letters").fetch_all(pool).await?;
        ensure!(reasons.is_empty(), "{service} has {} dead letters, such as {}", reasons.len(), reasons[0]);
    }
    Ok(())
}

/// No connection went back to its pool in the middle of a transaction, in which its next user would have written for nobody.
pub fn no_transaction_was_left_open(fleet: &Fleet) -> Result<()> {
    let log = fleet.log("postgres")?;
    let left: Vec<&str> =
        log.lines().filter(|line| line.contains("there is already a transaction in progress")).collect();
    ensure!(left.is_empty(), "{} transactions were left open, such as: {}", left.len(), left[0]);
    Ok(())
}
