use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};

use pg::{Heard, Signal, transaction};

use crate::helpers::{database, run};

#[tokio::test]
async fn a_signal_is_heard_after_the_commit_and_not_before() {
    static SIGNAL: Signal<i32> = Signal::new();
    let (database, listener) = (database().await, Mutex::new(SIGNAL.listen()));
    let heard = || listener.lock().unwrap().ready();
    transaction(&database.pool, async |conn| {
        sqlx::query("create table seen ()").execute(conn).await?;
        SIGNAL.send_after_commit(1);
        assert_eq!(heard(), None, "it is heard inside of the transaction");
        Ok::<_, sqlx::Error>(())
    })
    .await
    .unwrap();
    assert_eq!((heard(), heard()), (Some(Heard::Value(1)), None));
    run(&database.pool, "select from seen").await;
}

#[tokio::test]
async fn of_a_transaction_that_is_tried_again_the_last_try_is_heard() {
    static SIGNAL: Signal<i32> = Signal::new();
    let (database, mut listener, tries) = (database().await, SIGNAL.listen(), AtomicI32::new(0));
    let conflict = "do $$ begin raise exception 'a conflict' using errcode = '40001'; end $$";
    transaction(&database.pool, async |conn| {
        let number = tries.fetch_add(1, Ordering::SeqCst);
        SIGNAL.send_after_commit(number);
        if number < 2 {
            sqlx::raw_sql(conflict).execute(conn).await?;
        }
        Ok::<_, sqlx::Error>(())
    })
    .await
    .unwrap();
    assert_eq!((listener.ready(), listener.ready()), (Some(Heard::Value(2)), None));
}

#[tokio::test]
async fn nothing_is_heard_of_what_did_not_happen() {
    static SIGNAL: Signal<i32> = Signal::new();
    let (database, mut listener) = (database().await, SIGNAL.listen());
    let refused = transaction(&database.pool, async |_| {
        SIGNAL.send_after_commit(1);
        Err::<(), _>(sqlx::Error::RowNotFound)
    });
    assert!(refused.await.is_err());
    // Outside of a transaction nobody knows when it would be over.
    SIGNAL.send_after_commit(2);
    assert_eq!(listener.ready(), None);
}

#[tokio::test]
async fn a_listener_that_is_busy_for_too_long_is_told_that_it_missed_something() {
    static SIGNAL: Signal<i32> = Signal::new();
    let (database, mut listener) = (database().await, SIGNAL.listen());
    transaction(&database.pool, async |_| {
        (0..2_000).for_each(|number| SIGNAL.send_after_commit(number));
        Ok::<_, sqlx::Error>(())
    })
    .await
    .unwrap();
    assert_eq!(listener.next().await, Heard::Missed);
    let mut last = None;
    while let Some(heard) = listener.ready() {
        last = Some(heard);
    }
    assert_eq!(last, Some(Heard::Value(1_999)));
}
