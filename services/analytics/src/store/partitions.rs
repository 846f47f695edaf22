//! The months of the event store. There is no default partition: what fits nowhere would grow there unseen.

use sqlx::{AssertSqlSafe, PgConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::month::Month;

/// What the name of a partition begins with; the month follows.
const PREFIX: &str = "events_";

/// The months that events can be stored in, in order.
pub async fn months(conn: &mut PgConnection) -> Result<Vec<Month>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "select child.relname::text
         from pg_inherits
         join pg_class as child on child.oid = inhrelid
         where inhparent = 'events'::regclass
         order by child.relname",
    )
    .fetch_all(conn)
    .await?;
    Ok(names.iter().filter_map(|name| Month::parse(name.strip_prefix(PREFIX)?)).collect())
}

/// Makes room for a month; what is there already stays. Call it in a transaction.
///
/// The table is made first and attached then: that lets others read and write meanwhile, which `partition of` does not.
pub async fn create(conn: &mut PgConnection, month: Month) -> Result<(), sqlx::Error> {
    // One at a time: two who make the same month would otherwise meet at its name.
    sqlx::query("select pg_advisory_xact_lock(hashtext('partitions'))").execute(&mut *conn).await?;
    if months(conn).await?.contains(&month) {
        return Ok(());
    }
    let (name, from, to) = (name_of(month), literal(month.start()), literal(month.next().start()));
    let statements = [
        format!(
            "create table {name} (
                 like events including constraints,
                 constraint {name}_month check (occurred_at >= {from} and occurred_at < {to})
             )"
        ),
        format!("alter table events attach partition {name} for values from ({from}) to ({to})"),
        format!("alter table {name} drop constraint {name}_month"),
    ];
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Gives up on a lock after half a second, until the end of the transaction: everybody else queues behind us meanwhile.
pub async fn wait_briefly(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("set local lock_timeout = '500ms'").execute(conn).await?;
    Ok(())
}

/// Drops a month with everything in it. Call it in a transaction, which waits for readers no longer than `lock_timeout`.
pub async fn drop(conn: &mut PgConnection, month: Month) -> Result<(), sqlx::Error> {
    let statement = format!("drop table if exists {}", name_of(month));
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await?;
    Ok(())
}

fn name_of(month: Month) -> String {
    format!("{PREFIX}{}", month.name())
}

/// An instant as the grammar of a bound wants it: no parameter is allowed there.
fn literal(at: OffsetDateTime) -> String {
    format!("timestamptz '{}'", at.format(&Rfc3339).unwrap_or_default())
}
