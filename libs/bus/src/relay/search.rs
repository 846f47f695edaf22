//! Which rows of the outbox a relay has not seen yet. What is done with them lives in relay.
//!
//! What this process announces, it is told with its position, after the commit. What others leave behind, because they
//! died between their commit and their relay, is looked for: often while there is something to do, and seldom else.
//!
//! A look begins where the one before the last ended, not at the first row: a snapshot that is open for long, such as a
//! backup's, keeps deleted rows in the table and in its index, and each look would walk over all of them. Positions are
//! given out before their transactions commit, so that a row may appear below one that was seen already. That of a
//! transaction of this process is told; that of one which took less time than passes between two looks is still in
//! their range; and for the rest a look begins at the first row now and then.

use std::collections::BTreeSet;
use std::time::Duration;

use pg::{Heard, Listener, Pool};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::BATCH;
use crate::event::ANNOUNCED;

/// How often others' rows are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// While there is something to do.
    pub(super) busy: Duration,
    /// Else.
    pub(super) idle: Duration,
    /// How often a look begins at the first row.
    pub(super) anew: Duration,
}

pub(super) const PACE: Pace =
    Pace { busy: Duration::from_millis(100), idle: Duration::from_millis(500), anew: Duration::from_secs(5) };

#[derive(Debug)]
pub(super) struct Search {
    pace: Pace,
    announced: Listener<i64>,
    /// Rows that are known and were not published yet.
    known: BTreeSet<i64>,
    look: Look,
}

/// The next look.
#[derive(Debug)]
struct Look {
    due: Instant,
    /// After which position it begins.
    from: i64,
    /// The last position that was given out when the last look was made: where the look after the next one begins.
    given_out: i64,
    /// When it is to begin at the first row.
    anew: Instant,
}

impl Search {
    /// Begins with a look at everything.
    pub(super) fn new(pace: Pace) -> Self {
        let now = Instant::now();
        let look = Look { due: now, from: 0, given_out: 0, anew: now };
        Self { pace, announced: ANNOUNCED.listen(), known: BTreeSet::new(), look }
    }

    /// Waits until there is something to do, and says which rows there may be, the oldest first; `None` when it is time
    /// to stop.
    pub(super) async fn next(
        &mut self,
        pool: &Pool,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<i64>>, sqlx::Error> {
        while !stop.is_cancelled() {
            // What does not find room here waits where it is told, until too much does: then there is a look at all.
            while self.known.len() < BATCH
                && let Some(heard) = self.announced.ready()
            {
                self.hear(heard);
            }
            if self.look.due <= Instant::now() {
                self.look(pool).await?;
            }
            if !self.known.is_empty() {
                let count = self.known.len().min(BATCH);
                return Ok(Some((0..count).filter_map(|_| self.known.pop_first()).collect()));
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep_until(self.look.due) => {}
                heard = self.announced.next() => self.hear(heard),
            }
        }
        Ok(None)
    }

    /// These rows have to be asked for again.
    pub(super) fn not_yet(&mut self, positions: Vec<i64>) {
        self.known.extend(positions);
    }

    /// Something was published: there may be more.
    pub(super) fn hurry(&mut self) {
        self.look.due = self.look.due.min(Instant::now() + self.pace.busy);
    }

    fn hear(&mut self, heard: Heard<i64>) {
        match heard {
            Heard::Value(position) => {
                self.known.insert(position);
            }
            Heard::Missed => {
                let now = Instant::now();
                (self.look.due, self.look.anew) = (now, now);
            }
        }
    }

    async fn look(&mut self, pool: &Pool) -> Result<(), sqlx::Error> {
        let now = Instant::now();
        if self.look.anew <= now {
            self.look.from = 0;
            self.look.anew = now + self.pace.anew;
        }
        let (found, given_out): (Vec<i64>, i64) = sqlx::query_as(
            "select array(select position from outbox where position > $1 order by position limit $2), last_value
             from outbox_position_seq",
        )
        .bind(self.look.from)
        .bind(BATCH as i64)
        .fetch_one(pool)
        .await?;
        let is_full = found.len() == BATCH;
        let pause = match found.is_empty() {
            _ if is_full => Duration::ZERO,
            true => self.pace.idle,
            false => self.pace.busy,
        };
        self.look.due = now + pause;
        if let Some(last) = found.last()
            && is_full
        {
            // A backlog is walked through once.
            self.look.from = *last;
        } else {
            self.look.from = std::mem::replace(&mut self.look.given_out, given_out);
        }
        self.known.extend(found);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU32, Ordering};

    use pg::Migrations;
    use proto::lyceum::events::v1::OrderPaid;
    use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
    use testkit::{Database, FixedClock};
    use tokio::sync::Mutex;
    use values::Clock;

    use super::*;
    use crate::{By, Event, announce};

    const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

    /// Looks once, at the beginning.
    const TOLD: Pace = Pace { busy: NEVER, idle: NEVER, anew: NEVER };

    /// Looks whenever it is asked, from the first row at the beginning only.
    const LOOKING: Pace = Pace { busy: Duration::ZERO, idle: Duration::ZERO, anew: NEVER };

    /// Tests that run in one process hear each other, so that each has positions of its own.
    async fn database() -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let database = Database::new(&Migrations::of(&crate::MIGRATOR)).await;
        let first = COUNT.fetch_add(1_000, Ordering::Relaxed);
        let restart = format!("alter table outbox alter column position restart with {first}");
        sqlx::raw_sql(AssertSqlSafe(restart)).execute(&database.pool).await.unwrap();
        database
    }

    /// Announces something and answers with its position.
    async fn announce_in(conn: &mut PgConnection) -> i64 {
        let paid = Event::new(&OrderPaid::default(), "order", uuid::Uuid::new_v4(), 1);
        announce(conn, paid, By { actor: "user:1", now: FixedClock::default().now() }).await.unwrap();
        sqlx::query_scalar("select max(position) from outbox").fetch_one(conn).await.unwrap()
    }

    /// As this process does it.
    async fn announce_here(pool: &Pool) -> i64 {
        pg::transaction(pool, async |conn| Ok::<_, sqlx::Error>(announce_in(conn).await)).await.unwrap()
    }

    /// As another process does it, or this one if it dies after the commit: nobody is told.
    async fn announce_elsewhere(pool: &Pool) -> i64 {
        let (open, position) = begin_elsewhere(pool).await;
        open.commit().await.unwrap();
        position
    }

    async fn begin_elsewhere(pool: &Pool) -> (Transaction<'static, Postgres>, i64) {
        let mut open = pool.begin().await.unwrap();
        let position = announce_in(&mut open).await;
        (open, position)
    }

    /// Does what the relay does with the rows that it is given, and says which there were.
    async fn publish(pool: &Pool, positions: &[i64]) -> Vec<i64> {
        let published = "with gone as (delete from outbox where position = any($1) returning position)
             select position from gone order by position";
        sqlx::query_scalar(published).bind(positions).fetch_all(pool).await.unwrap()
    }

    impl Search {
        /// The next rows, which are published.
        async fn published(&mut self, pool: &Pool) -> Vec<i64> {
            loop {
                let next = self.next(pool, &CancellationToken::new()).await.unwrap().unwrap();
                let published = publish(pool, &next).await;
                if !published.is_empty() {
                    return published;
                }
            }
        }

        /// What one look finds, which is published.
        async fn looked(&mut self, pool: &Pool) -> Vec<i64> {
            self.look(pool).await.unwrap();
            let found: Vec<i64> = std::mem::take(&mut self.known).into_iter().collect();
            publish(pool, &found).await
        }
    }

    #[tokio::test]
    async fn what_this_process_announces_is_told_and_not_looked_for() {
        let database = database().await;
        let mut search = Search::new(TOLD);
        assert!(search.looked(&database.pool).await.is_empty());
        let first = announce_here(&database.pool).await;
        assert_eq!(search.published(&database.pool).await, [first]);
        let second = announce_here(&database.pool).await;
        assert_eq!(search.published(&database.pool).await, [second]);
    }

    #[tokio::test]
    async fn what_was_there_before_and_what_others_announce_is_looked_for() {
        let database = database().await;
        let before = announce_elsewhere(&database.pool).await;
        let mut search = Search::new(LOOKING);
        assert_eq!(search.published(&database.pool).await, [before]);
        let after = announce_elsewhere(&database.pool).await;
        assert_eq!(search.published(&database.pool).await, [after]);
    }

    #[tokio::test]
    async fn what_commits_below_a_row_that_was_seen_is_told_by_whoever_commits_it() {
        let database = database().await;
        let search = Mutex::new(Search::new(TOLD));
        search.lock().await.looked(&database.pool).await;
        let late = pg::transaction(&database.pool, async |conn| {
            let late = announce_in(conn).await;
            let early = announce_here(&database.pool).await;
            assert!(late < early);
            assert_eq!(search.lock().await.published(&database.pool).await, [early]);
            Ok::<_, sqlx::Error>(late)
        });
        let late = late.await.unwrap();
        assert_eq!(search.lock().await.published(&database.pool).await, [late]);
    }

    #[tokio::test]
    async fn what_others_commit_a_little_late_is_in_the_range_of_the_next_look() {
        let database = database().await;
        let mut search = Search::new(LOOKING);
        let (open, late) = begin_elsewhere(&database.pool).await;
        let early = announce_elsewhere(&database.pool).await;
        assert_eq!(search.looked(&database.pool).await, [early]);
        open.commit().await.unwrap();
        assert_eq!(search.looked(&database.pool).await, [late]);
    }

    #[tokio::test]
    async fn what_others_commit_much_later_is_found_by_a_look_at_everything() {
        let database = database().await;
        let mut search = Search::new(LOOKING);
        let (open, late) = begin_elsewhere(&database.pool).await;
        for _ in 0..3 {
            let early = announce_elsewhere(&database.pool).await;
            assert_eq!(search.looked(&database.pool).await, [early]);
        }
        open.commit().await.unwrap();
        assert!(search.looked(&database.pool).await.is_empty(), "each look is one at everything: {late}");
        search.pace.anew = Duration::ZERO;
        search.look.anew = Instant::now();
        assert_eq!(search.looked(&database.pool).await, [late]);
    }

    #[tokio::test]
    async fn a_search_that_was_told_more_than_it_can_keep_looks_at_everything() {
        let database = database().await;
        let mut search = Search::new(TOLD);
        search.looked(&database.pool).await;
        let first = announce_here(&database.pool).await;
        pg::transaction(&database.pool, async |_| {
            (0..5_000).for_each(|_| ANNOUNCED.send_after_commit(0));
            Ok::<_, sqlx::Error>(())
        })
        .await
        .unwrap();
        let mut seen = BTreeSet::new();
        while !seen.contains(&first) {
            seen.extend(search.published(&database.pool).await);
        }
    }

    #[tokio::test]
    async fn a_backlog_is_walked_through_once_and_what_is_gone_is_left_behind() {
        let database = database().await;
        let mut all = Vec::new();
        for _ in 0..450 {
            all.push(announce_elsewhere(&database.pool).await);
        }
        let mut search = Search::new(LOOKING);
        let mut seen = Vec::new();
        while seen.len() < all.len() {
            seen.extend(search.published(&database.pool).await);
        }
        assert_eq!(seen, all);
        search.looked(&database.pool).await;
        search.looked(&database.pool).await;
        assert_eq!(Some(&search.look.from), all.last());
    }
}
