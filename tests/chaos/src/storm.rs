//! One run of the storm: learners on their way, and something that dies meanwhile.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use people::{Course, Newcomer, Person};
use rand::{RngExt, rngs::StdRng};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    count::{self, Caused},
    fleet::{Fleet, POLL, eventually},
    learner::{self, Graduate},
    point::{self, Point},
};

/// How long a sender that lives may take to write down what it has sent: it tries every two seconds.
const RECORDED_WITHIN: Duration = Duration::from_secs(10);

/// How many learners with accounts are on their way in a run.
pub const LEARNERS: usize = 7;
/// How many of them at the same time.
const AT_ONCE: usize = 5;
/// How long after the last learner an armed point may take to be reached.
const REACHED_WITHIN: Duration = Duration::from_secs(20);

/// Who is there for all runs.
#[derive(Debug)]
pub struct Cast {
    pub manager: Person,
    pub learners: Vec<Person>,
}

impl Cast {
    pub async fn assemble(fleet: &Arc<Fleet>) -> Result<Self> {
        let learners = stream::iter(0..LEARNERS).map(|_| newcomer(fleet)).buffered(3);
        Ok(Self { manager: fleet.school.staff("manager").await?, learners: learners.try_collect().await? })
    }
}

/// Somebody who opens an account.
async fn newcomer(fleet: &Fleet) -> Result<Person> {
    fleet.school.welcome(&Newcomer::called("storm", "Анна Каренина")).await.context("registering")
}

/// How a run came out.
#[derive(Debug)]
pub struct Outcome {
    pub caused: Caused,
    /// What was not there in time, if anything.
    pub complaint: Option<anyhow::Error>,
    /// What died and how long it took until it served again.
    pub recoveries: Vec<(String, Duration)>,
}

/// Kills processes at their points while learners are on their way, and counts afterwards.
pub async fn kill_at(fleet: &Arc<Fleet>, cast: &Cast, points: &[Point], chance: &mut StdRng) -> Result<Outcome> {
    let name: Vec<String> = points.iter().map(ToString::to_string).collect();
    let struck = run(fleet, cast, &name.join(" + "), points, chance, async |_| Ok(vec![])).await;
    for point in points {
        fleet.disarm(point);
    }
    struck
}

/// Does something to the fleet while learners are on their way, and counts afterwards.
///
/// `trouble` begins when the first learners are under way; the run ends when it is over and all have arrived.
pub async fn run(
    fleet: &Arc<Fleet>,
    cast: &Cast,
    name: &str,
    points: &[Point],
    chance: &mut StdRng,
    trouble: impl AsyncFnOnce(Uuid) -> Result<Vec<(String, Duration)>>,
) -> Result<Outcome> {
    for point in points {
        fleet.disarm(point);
    }
    let (since, mails_before) = (OffsetDateTime::now_utc(), newest_mail(fleet).await?);
    // A course comes before its learners, so that who hears of it is struck while it is put on sale.
    let (early, late): (Vec<&Point>, Vec<&Point>) = points.iter().partition(|point| point::hears_once(point));
    for point in &early {
        fleet.arm(point)?;
    }
    let watch = async {
        let watched = points.iter().map(|point| watch(fleet, point));
        try_join_all(watched).await
    };
    let journeys = async {
        let course = Course::publish(&cast.manager, &format!("Буря {since}")).await.context("publishing the course")?;
        let run: Uuid = course.run_id.parse()?;
        let arm_at = chance.random_range(0..LEARNERS / 2);
        let travel = async |at: usize| {
            if at == arm_at {
                for point in &late {
                    fleet.arm(point)?;
                }
            }
            learner::whole_way(&cast.learners[at], &course).await
        };
        let known = stream::iter(0..LEARNERS).map(travel).buffer_unordered(AT_ONCE).try_collect::<Vec<Graduate>>();
        // Somebody is new, so that opening an account is a part of the way; not before the points are armed.
        let new = async {
            if arm_at > 0 {
                eventually(REACHED_WITHIN, async || {
                    late.iter().all(|point| fleet.is_armed(point)).then_some(()).context("")
                })
                .await?;
            }
            learner::whole_way(&newcomer(fleet).await?, &course).await
        };
        let (mut graduates, new, recoveries) = tokio::try_join!(known, new, trouble(run))?;
        graduates.push(new);
        Ok((run, graduates, recoveries))
    };
    let (fired, (run, graduates, mut recoveries)) = tokio::try_join!(limited(fleet, points, watch), journeys)?;
    recoveries.extend(fired);
    // Wherever the sender dies, another mail may be between the server's answer and its record.
    let is_sender = |what: &str| what.starts_with("notifications") || what == "postgres";
    let may_repeat_mails = recoveries.iter().any(|(what, _)| is_sender(what));
    let caused =
        Caused { scenario: name.to_owned(), run, since, until: None, mails_before, graduates, may_repeat_mails };
    let complaint = count::settled(fleet, &caused).await.context("counting").err();
    Ok(Outcome { caused, complaint, recoveries })
}

/// The watch ends by itself, or says which points nobody reached.
async fn limited(
    fleet: &Fleet,
    points: &[Point],
    watch: impl Future<Output = Result<Vec<(String, Duration)>>>,
) -> Result<Vec<(String, Duration)>> {
    match tokio::time::timeout(Duration::from_secs(150), watch).await {
        Ok(watched) => watched,
        Err(_) => {
            let missing: Vec<String> =
                points.iter().filter(|point| fleet.fired(point).is_none()).map(ToString::to_string).collect();
            bail!("nobody came by {}", missing.join(", "))
        }
    }
}

/// Waits until a process has died at a point and serves again.
async fn watch(fleet: &Fleet, point: &Point) -> Result<(String, Duration)> {
    let died_at = loop {
        if let Some(died_at) = fleet.fired(point) {
            break died_at;
        }
        tokio::time::sleep(POLL).await;
    };
    let took = fleet.comes_back(&point.process, died_at).await?;
    end_claims(fleet, &point.process).await?;
    Ok((point.to_string(), took))
}

/// Takes from a process that died and was started again what it held.
pub async fn end_claims(fleet: &Fleet, process: &str) -> Result<()> {
    let held_until = fleet.started_at(process)?;
    if ["notifications", "documents", "payments"].contains(&process) {
        // What it had asked for last may be about to be committed still, where a disk is slow: nobody sees such a claim yet.
        let unfinished = "select count(*) from pg_stat_activity
             where datname = current_database() and backend_start < $1 and state <> 'idle' and pid <> pg_backend_pid()";
        eventually(REACHED_WITHIN, async || {
            let pool = fleet.database(process)?;
            let left: i64 =
                sqlx::query_scalar(unfinished).bind(OffsetDateTime::from(held_until)).fetch_one(pool).await?;
            ensure!(left == 0, "{left} statements from before are not finished");
            Ok(())
        })
        .await?;
    }
    run_out_leases(fleet, process, held_until).await
}

/// Lets the time pass after which what a dead process held is taken from it: minutes, which nobody wants to wait here.
async fn run_out_leases(fleet: &Fleet, process: &str, held_until: SystemTime) -> Result<()> {
    let held_until = OffsetDateTime::from(held_until);
    let (owner, statement) = match process {
        // Whoever is alive has claimed after the death, for a lease that ends later.
        "notifications" => (
            process,
            "update deliveries set next_attempt_at = now()
             where state = 'sending' and next_attempt_at <= $1 + interval '2 minutes'",
        ),
        "documents" => (
            process,
            "update certificates set print_at = now()
             where print_at > now() and print_at <= $1 + interval '30 seconds'",
        ),
        // An answer of the bank's is waited for a minute; a caller who dies takes the call along. Payments may die twice in a
        // run, and an attempt that was made older after the first death is to be found after the second, too.
        "payments" | "gateway" => (
            "payments",
            "update attempts set updated_at = updated_at - interval '1 minute', ask_at = now()
             where state in ('created', 'unknown') and updated_at between $1 - interval '3 minutes' and $1",
        ),
        _ => return Ok(()),
    };
    let pool: &PgPool = fleet.database(owner)?;
    eventually(REACHED_WITHIN, async || {
        sqlx::query(statement).bind(held_until).execute(pool).await?;
        Ok(())
    })
    .await
}

/// The same for everything that a store took down with it, while the services live on.
pub async fn run_out_all_leases(fleet: &Fleet, held_until: SystemTime) -> Result<()> {
    let sending = "select count(*) from deliveries
         where state = 'sending' and next_attempt_at <= $1 + interval '2 minutes'";
    let recorded = eventually(RECORDED_WITHIN, async || {
        let pool = fleet.database("notifications")?;
        let left: i64 = sqlx::query_scalar(sending).bind(OffsetDateTime::from(held_until)).fetch_one(pool).await?;
        ensure!(left == 0, "{left} mails are claimed");
        Ok(())
    });
    if recorded.await.is_err() {
        // Whoever claimed what is left has not heard of it. A claim that was not there to be seen is somebody's who lives.
        run_out_leases(fleet, "notifications", held_until).await?;
    }
    for process in ["documents", "payments"] {
        run_out_leases(fleet, process, held_until).await?;
    }
    Ok(())
}

async fn newest_mail(fleet: &Fleet) -> Result<u64> {
    Ok(fleet.school.outside.mails("").await?.iter().map(|mail| mail.id).max().unwrap_or_default())
}
