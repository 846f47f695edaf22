use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use pg::{Config, Pool, connect, transaction};
use tokio::sync::Barrier;

use crate::helpers::{database, run};

/// Wraps the database's error as services do: behind a transparent variant of their own.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("refused")]
    Refused,
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(anyhow::Error::new(error).context("the store failed"))
    }
}

async fn two_rows(pool: &Pool) {
    run(pool, "create table pair (id int primary key, n int not null)").await;
    run(pool, "insert into pair (id, n) values (1, 0), (2, 0)").await;
}

async fn sum(pool: &Pool) -> i64 {
    sqlx::query_scalar("select sum(n) from pair").fetch_one(pool).await.unwrap()
}

/// Adds one to both rows in the given order; meets the other transaction between the two, the first time.
async fn add_crosswise(pool: &Pool, order: [i32; 2], meet: &Barrier, tries: &AtomicU32) -> Result<(), Error> {
    transaction(pool, async |conn| {
        let first_try = tries.fetch_add(1, Ordering::SeqCst) == 0;
        for (step, id) in order.into_iter().enumerate() {
            if step == 1 && first_try {
                meet.wait().await;
            }
            sqlx::query("update pair set n = n + 1 where id = $1").bind(id).execute(&mut *conn).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_deadlock_is_tried_again_and_both_transactions_have_their_effect_once() {
    let database = database().await;
    two_rows(&database.pool).await;
    let (meet, left, right) = (Barrier::new(2), AtomicU32::new(0), AtomicU32::new(0));
    let (one, other) = tokio::join!(
        add_crosswise(&database.pool, [1, 2], &meet, &left),
        add_crosswise(&database.pool, [2, 1], &meet, &right),
    );
    one.unwrap();
    other.unwrap();
    assert_eq!(sum(&database.pool).await, 4);
    let tries = left.load(Ordering::SeqCst) + right.load(Ordering::SeqCst);
    assert!(tries >= 3, "no deadlock happened, so the test proves nothing");
}

#[tokio::test]
async fn a_serialization_failure_is_tried_again() {
    let database = database().await;
    two_rows(&database.pool).await;
    let meet = Barrier::new(2);
    let add = async |tries: &AtomicU32| {
        transaction(&database.pool, async |conn| {
            sqlx::query("set transaction isolation level serializable").execute(&mut *conn).await?;
            let seen: i64 = sqlx::query_scalar("select sum(n) from pair").fetch_one(&mut *conn).await?;
            if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                meet.wait().await;
            }
            let next = i32::try_from(seen).unwrap() + 1;
            sqlx::query("update pair set n = $1 where id = 1").bind(next).execute(&mut *conn).await?;
            Ok::<_, sqlx::Error>(())
        })
        .await
    };
    let (left, right) = (AtomicU32::new(0), AtomicU32::new(0));
    let (one, other) = tokio::join!(add(&left), add(&right));
    one.unwrap();
    other.unwrap();
    assert_eq!(sum(&database.pool).await, 2, "one of the additions was lost");
    assert!(left.load(Ordering::SeqCst) + right.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn a_refusal_rolls_back_and_is_not_tried_again() {
    let database = database().await;
    two_rows(&database.pool).await;
    let tries = AtomicU32::new(0);
    let outcome: Result<(), Error> = transaction(&database.pool, async |conn| {
        tries.fetch_add(1, Ordering::SeqCst);
        sqlx::query("update pair set n = 5 where id = 1").execute(&mut *conn).await?;
        Err(Error::Refused)
    })
    .await;
    assert!(matches!(outcome, Err(Error::Refused)));
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    assert_eq!(sum(&database.pool).await, 0);
}

#[tokio::test]
async fn a_conflict_that_never_ends_is_handed_to_the_caller_after_five_tries() {
    let database = database().await;
    let tries = AtomicU32::new(0);
    let outcome: Result<(), Error> = transaction(&database.pool, async |conn| {
        tries.fetch_add(1, Ordering::SeqCst);
        sqlx::raw_sql("do $$ begin raise exception using errcode = '40001'; end $$").execute(&mut *conn).await?;
        Ok(())
    })
    .await;
    assert!(matches!(&outcome, Err(error) if pg::is_conflict(error)), "{outcome:?}");
    assert_eq!(tries.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_transaction_that_was_dropped_half_way_leaves_nothing() {
    let database = database().await;
    two_rows(&database.pool).await;
    let reached = tokio::sync::Notify::new();
    let hanging = transaction(&database.pool, async |conn| {
        sqlx::query("update pair set n = 5 where id = 1").execute(&mut *conn).await?;
        reached.notify_one();
        std::future::pending::<Result<(), sqlx::Error>>().await
    });
    tokio::select! {
        _ = hanging => unreachable!("it hangs"),
        () = reached.notified() => {}
    }
    assert_eq!(sum(&database.pool).await, 0);
    run(&database.pool, "update pair set n = 1 where id = 1").await;
}

/// A caller may go away at any moment: also while the transaction is only begun, or already committed.
#[tokio::test]
async fn a_transaction_that_is_dropped_anywhere_leaves_none_open_for_the_next_user_of_its_connection() {
    let database = database().await;
    two_rows(&database.pool).await;
    let mut config = Config::new(&database.url, "test-dropped");
    config.max_connections = 1;
    let pool = connect(&config).await.unwrap();
    let (mut dropped, mut written) = (0, 0);
    loop {
        let work = transaction(&pool, async |conn| {
            sqlx::query("update pair set n = n + 1 where id = 2").execute(&mut *conn).await?;
            Ok::<_, sqlx::Error>(())
        });
        let over = dropped_after(dropped, work).await;
        sqlx::query("update pair set n = n + 1 where id = 1").execute(&pool).await.unwrap();
        written += 1;
        let seen: i32 = sqlx::query_scalar("select n from pair where id = 1").fetch_one(&database.pool).await.unwrap();
        assert_eq!(seen, written, "dropped after {dropped} polls, a transaction keeps what another has written");
        if over {
            break;
        }
        dropped += 1;
    }
    assert!(dropped >= 3, "begin, the statement and the commit wait at least once each, and not {dropped} times");
}

/// Polls a future so often, each time when it asks for it, and says whether it was over then.
async fn dropped_after<T>(polls: u32, future: impl Future<Output = T>) -> bool {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Handlers of tonic and tasks of tokio want futures that can move between threads, whatever a flow borrows.
#[tokio::test]
async fn a_transaction_that_borrows_may_run_on_any_thread() {
    fn on_any_thread<F: Future + Send>(future: F) -> F {
        future
    }
    let database = database().await;
    two_rows(&database.pool).await;
    let (id, note) = (1, String::from("borrowed"));
    let outcome = on_any_thread(async {
        transaction(&database.pool, async |conn| {
            let length: i32 = sqlx::query_scalar("update pair set n = length($2) where id = $1 returning n")
                .bind(id)
                .bind(&note)
                .fetch_one(&mut *conn)
                .await?;
            Ok::<_, Error>(length)
        })
        .await
    });
    assert_eq!(outcome.await.unwrap(), 8);
}
