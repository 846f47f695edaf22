//! What people want.

use anyhow::Context;
use sqlx::PgConnection;

use crate::domain::{
    hours::{DigestTimes, Every, QuietHours, TimeOfDay},
    id::UserId,
    preference::{Preferences, Rule},
};
use crate::error::Error;

#[derive(sqlx::FromRow)]
struct Times {
    quiet_from: Option<i16>,
    quiet_to: Option<i16>,
    digest_every: Every,
    digest_at: i16,
}

/// What a person wants; the defaults where nothing was chosen.
pub async fn of(conn: &mut PgConnection, recipient: UserId) -> Result<Preferences, Error> {
    let chosen: Vec<Rule> = sqlx::query_as(pg::sql!("select ", Rule, " from preference_rules where recipient_id = $1"))
        .bind(recipient)
        .fetch_all(&mut *conn)
        .await?;
    let times: Option<Times> = sqlx::query_as(
        "select quiet_from, quiet_to, digest_every, digest_at
         from preference_times
         where recipient_id = $1",
    )
    .bind(recipient)
    .fetch_optional(conn)
    .await?;
    let Some(times) = times else { return Ok(Preferences { chosen, ..Preferences::default() }) };
    Ok(times.preferences(chosen)?)
}

impl Times {
    fn preferences(self, chosen: Vec<Rule>) -> anyhow::Result<Preferences> {
        let quiet = match (self.quiet_from, self.quiet_to) {
            (Some(from), Some(to)) => Some(QuietHours::new(time(from)?, time(to)?)?),
            _ => None,
        };
        let digest = DigestTimes { every: self.digest_every, at: time(self.digest_at)? };
        Ok(Preferences { chosen, quiet, digest })
    }
}

fn time(minutes: i16) -> anyhow::Result<TimeOfDay> {
    TimeOfDay::of_minutes(minutes).context("a time of preference_times")
}

/// Keeps a rule instead of the one before.
pub async fn keep_rule(conn: &mut PgConnection, recipient: UserId, rule: Rule) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into preference_rules (recipient_id, kind, channel, timing)
         values ($1, $2, $3, $4)
         on conflict on constraint preference_rules_pk do update
         set timing = excluded.timing",
    )
    .bind(recipient)
    .bind(rule.kind)
    .bind(rule.channel)
    .bind(rule.timing)
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps quiet hours and digest times instead of those before.
pub async fn keep_times(
    conn: &mut PgConnection,
    recipient: UserId,
    quiet: Option<QuietHours>,
    digest: DigestTimes,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into preference_times (recipient_id, quiet_from, quiet_to, digest_every, digest_at)
         values ($1, $2, $3, $4, $5)
         on conflict on constraint preference_times_pk do update
         set quiet_from = excluded.quiet_from,
             quiet_to = excluded.quiet_to,
             digest_every = excluded.digest_every,
             digest_at = excluded.digest_at",
    )
    .bind(recipient)
    .bind(quiet.map(|quiet| quiet.from().minutes()))
    .bind(quiet.map(|quiet| quiet.to().minutes()))
    .bind(digest.every)
    .bind(digest.at.minutes())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what a person wants.
pub async fn erase(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from preference_rules where recipient_id = $1").bind(recipient).execute(&mut *conn).await?;
    sqlx::query("delete from preference_times where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}
