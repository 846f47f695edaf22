//! Orders, what was paid and given back, and what they opened.

use sqlx::PgConnection;

use super::columns;
use crate::domain::fact::{Fact, What};

pub(super) async fn placed(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::OrderPlaced { order, number, buyer, total } => {
            orders: *order,
            numbers: number.as_str(),
            buyers: *buyer,
            currencies: total.currency().to_string(),
            totals: total.minor(),
        },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into orders as o (order_id, number, buyer_id, currency, total_minor, placed_at, placed_day)
         select distinct on (order_id) order_id, number, buyer_id, currency, total_minor, at,
                (at at time zone (select zone from calendar))::date
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[])
             as heard (order_id, number, buyer_id, currency, total_minor, at)
         order by order_id, at
         on conflict (order_id) do update
         set placed_at = excluded.placed_at, placed_day = excluded.placed_day
         where o.placed_at is null or o.placed_at > excluded.placed_at",
    )
    .bind(orders)
    .bind(numbers)
    .bind(buyers)
    .bind(currencies)
    .bind(totals)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// What was paid is the order's total, whatever was heard of it before.
pub(super) async fn paid(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::OrderPaid { order, number, buyer, total } => {
            orders: *order,
            numbers: number.as_str(),
            buyers: *buyer,
            currencies: total.currency().to_string(),
            totals: total.minor(),
        },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with paid as (
             insert into orders as o (order_id, number, buyer_id, currency, total_minor, paid_at, paid_day)
             select distinct on (order_id) order_id, number, buyer_id, currency, total_minor, at,
                    (at at time zone (select zone from calendar))::date
             from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[])
                 as heard (order_id, number, buyer_id, currency, total_minor, at)
             order by order_id, at
             on conflict (order_id) do update
             set currency = excluded.currency,
                 total_minor = excluded.total_minor,
                 paid_at = excluded.paid_at,
                 paid_day = excluded.paid_day
             where o.paid_at is null
             returning paid_day, currency, total_minor
         )
         insert into daily_revenue as d (day, currency, gross_minor, orders, refunds_minor, refunds)
         select paid_day, currency, sum(total_minor), count(*), 0, 0
         from paid
         group by paid_day, currency
         on conflict (currency, day) do update
         set gross_minor = d.gross_minor + excluded.gross_minor,
             orders = d.orders + excluded.orders",
    )
    .bind(orders)
    .bind(numbers)
    .bind(buyers)
    .bind(currencies)
    .bind(totals)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn refunded(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::OrderRefunded { order, refund, amount } => {
            refunds: *refund,
            orders: *order,
            currencies: amount.currency().to_string(),
            amounts: amount.minor(),
        },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with refunded as (
             insert into refunds (refund_id, order_id, currency, amount_minor, refunded_at, refunded_day)
             select distinct on (refund_id) refund_id, order_id, currency, amount_minor, at,
                    (at at time zone (select zone from calendar))::date
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[])
                 as heard (refund_id, order_id, currency, amount_minor, at)
             order by refund_id, at
             on conflict (refund_id) do nothing
             returning refunded_day, currency, amount_minor
         )
         insert into daily_revenue as d (day, currency, gross_minor, orders, refunds_minor, refunds)
         select refunded_day, currency, 0, 0, sum(amount_minor), count(*)
         from refunded
         group by refunded_day, currency
         on conflict (currency, day) do update
         set refunds_minor = d.refunds_minor + excluded.refunds_minor,
             refunds = d.refunds + excluded.refunds",
    )
    .bind(refunds)
    .bind(orders)
    .bind(currencies)
    .bind(amounts)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn granted(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::EntitlementGranted { entitlement, order, .. } => { entitlements: *entitlement, orders: *order },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into entitlements (entitlement_id, order_id, granted_at)
         select distinct on (entitlement_id) entitlement_id, order_id, at
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as heard (entitlement_id, order_id, at)
         order by entitlement_id, at
         on conflict (entitlement_id) do nothing",
    )
    .bind(entitlements)
    .bind(orders)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}
