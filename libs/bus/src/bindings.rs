//! Which bindings a queue has, and whether a release wants them. The broker keeps a binding until somebody takes it
//! back, and cannot be asked for those that there are.
//!
//! A binding that a release does not want any more stays for that release, so that the one before it, which runs beside
//! it and may be rolled back to, finds its events. The next release takes it back. What a release wants again meanwhile
//! is as if it had never been unwanted.

use lapin::Channel;
use lapin::options::QueueBindOptions;
use pg::Pool;

use crate::Error;
use crate::amqp::{no_arguments, patiently};
use crate::topology::Topology;

/// A binding that neither this release nor the one before it wants.
#[derive(sqlx::FromRow)]
struct Obsolete {
    exchange: String,
    #[sqlx(rename = "type")]
    kind: String,
    unwanted_by: String,
}

/// Notes what a release wants, binds it, and unbinds what is obsolete. `release` is any text that differs between two
/// releases; its replicas say the same.
pub(crate) async fn settle(channel: &Channel, pool: &Pool, topology: &Topology, release: &str) -> Result<(), Error> {
    let (queue, release) = (topology.queue(), topology.release(release));
    // Noted first: an older release beside this one gives up only what it knows to be bound by nobody.
    let obsolete = note(pool, &queue, topology, &release).await?;
    for (exchange, kind) in topology.bindings() {
        bind(channel, &queue, exchange, kind).await?;
    }
    for Obsolete { exchange, kind, unwanted_by } in obsolete {
        let (from, key) = (exchange.as_str().into(), kind.as_str().into());
        patiently(channel.queue_unbind(queue.as_str().into(), from, key, no_arguments())).await?;
        let forgotten = sqlx::query(
            "delete from bus_bindings
             where queue = $1 and exchange = $2 and type = $3 and unwanted_by = $4",
        )
        .bind(&queue)
        .bind(&exchange)
        .bind(&kind)
        .bind(&unwanted_by)
        .execute(pool)
        .await?;
        if forgotten.rows_affected() == 0 {
            // Another release has started meanwhile and wants it, or has taken it back itself, which is noticed there.
            rebind_if_noted(channel, pool, &queue, &exchange, &kind).await?;
        } else {
            tracing::info!(event.kind = kind, "Events of type {kind} are not heard any more: two releases do not.");
        }
    }
    Ok(())
}

/// Whether events of a type are still meant to come to a queue, by this release or another one.
pub(crate) async fn is_wanted(pool: &Pool, queue: &str, kind: &str) -> Result<bool, sqlx::Error> {
    let wanted = sqlx::query_scalar("select exists (select from bus_bindings where queue = $1 and type = $2)");
    wanted.bind(queue).bind(kind).fetch_one(pool).await
}

async fn note(pool: &Pool, queue: &str, topology: &Topology, release: &str) -> Result<Vec<Obsolete>, sqlx::Error> {
    let (exchanges, kinds): (Vec<&str>, Vec<&str>) = topology.bindings().unzip();
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "insert into bus_bindings (queue, exchange, type)
         select $1, exchange, type from unnest($2::text[], $3::text[]) as wanted (exchange, type)
         order by exchange, type
         on conflict on constraint bus_bindings_pk do update
         set unwanted_by = null
         where bus_bindings.unwanted_by is not null",
    )
    .bind(queue)
    .bind(&exchanges)
    .bind(&kinds)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "update bus_bindings
         set unwanted_by = $4
         where queue = $1 and unwanted_by is null
           and (exchange, type) not in (select * from unnest($2::text[], $3::text[]))",
    )
    .bind(queue)
    .bind(&exchanges)
    .bind(&kinds)
    .bind(release)
    .execute(&mut *transaction)
    .await?;
    let obsolete = sqlx::query_as(
        "select exchange, type, unwanted_by
         from bus_bindings
         where queue = $1 and unwanted_by <> $2",
    )
    .bind(queue)
    .bind(release)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(obsolete)
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, kind: &str) -> Result<(), Error> {
    let options = QueueBindOptions::default();
    patiently(channel.queue_bind(queue.into(), exchange.into(), kind.into(), options, no_arguments())).await
}

async fn rebind_if_noted(channel: &Channel, pool: &Pool, queue: &str, exchange: &str, kind: &str) -> Result<(), Error> {
    if is_wanted(pool, queue, kind).await? { bind(channel, queue, exchange, kind).await } else { Ok(()) }
}
