//! The manager's dashboard over five million events, beside the bare statements that it cannot do without.
//!
//! What the school did is made up in the analytics database and taken away again; nothing is announced.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use people::School;
use sqlx::PgPool;

use crate::{
    drive::{self, Load, Outcome},
    fleet::Fleet,
    report::{Report, Target},
};

/// How many events the made-up school announced. Of 50 of them, 5 are orders placed and 4 orders paid, 3 registrations, 3 enrolments,
/// 33 lessons, 1 a finished course and 1 a certificate.
const EVENTS: i64 = 5_000_000;

/// Over how many days, up to now.
const DAYS: i64 = 365;

/// How long a dashboard may take.
const WANTED: u64 = 100_000;

/// The made-up rows, by the number of days, `$1`, and of fifties of events, `$2`. Their ids begin alike, so that they can be taken away.
const MADE_UP: [&str; 8] = [
    "create or replace function pg_temp.made_up(kind int, number bigint) returns uuid language sql immutable
     as $$ select ('beac0000-' || lpad(to_hex(kind), 4, '0') || '-4000-8' || lpad(to_hex((number * 7919) % 4093), 3, '0') || '-'
                   || lpad(to_hex(number), 12, '0'))::uuid $$",
    "create temp table when_made as
     select n, now() - n * ($1::bigint * interval '1 day') / ($2::bigint * 5) as at
     from generate_series(1, $2::bigint * 5) as n",
    "insert into orders (order_id, number, buyer_id, currency, total_minor, placed_at, placed_day, paid_at, paid_day)
     select pg_temp.made_up(1, n), 'LY-' || n, pg_temp.made_up(2, n / 2), 'RUB', 100000 + n % 900000,
            at, (at at time zone zone)::date,
            case when n % 5 > 0 then at + interval '2 minutes' end,
            case when n % 5 > 0 then ((at + interval '2 minutes') at time zone zone)::date end
     from when_made, calendar",
    "insert into registrations (user_id, registered_at, registered_day)
     select pg_temp.made_up(2, n), at, (at at time zone zone)::date
     from when_made, calendar
     where n <= $2::bigint * 3 and $1::bigint > 0",
    "insert into enrolments (
         enrolment_id, learner_id, run_id, started_at, started_day, latest_start_at, completed_at, completed_day
     )
     select pg_temp.made_up(3, n), pg_temp.made_up(2, n), pg_temp.made_up(4, n % 200), at, (at at time zone zone)::date, at,
            case when n % 3 = 0 then at + interval '1 hour' end,
            case when n % 3 = 0 then ((at + interval '1 hour') at time zone zone)::date end
     from when_made, calendar
     where n <= $2::bigint * 3 and $1::bigint > 0",
    // Ten to twelve lessons an enrolment, of about three days each.
    "insert into lesson_completions (run_id, enrolment_id, lesson_id, learner_id, completed_at, completed_day)
     select pg_temp.made_up(4, n % 200), pg_temp.made_up(3, n), pg_temp.made_up(5, lesson), pg_temp.made_up(2, n),
            learnt, (learnt at time zone zone)::date
     from when_made
     cross join calendar
     cross join generate_series(0, 10) as lesson
     cross join lateral (select least(at + lesson / 4 * interval '9 days', now()) as learnt) as moment
     where n <= $2::bigint * 3 and $1::bigint > 0
     order by 1, 2, 3",
    "insert into certificates (certificate_id, enrolment_id, reissue, issued_at, issued_day)
     select pg_temp.made_up(6, n), pg_temp.made_up(3, n), false, at, (at at time zone zone)::date
     from when_made, calendar
     where n <= $2::bigint and $1::bigint > 0",
    "insert into events (
         occurred_at, event_id, type, aggregate_type, aggregate_id, aggregate_version, actor, received_at, payload
     )
     select at, pg_temp.made_up(7, n * 10 + part), 'lyceum.events.v1.LessonCompleted', 'enrolment', pg_temp.made_up(3, n), part,
            'user:made-up', at, '\\x00'
     from when_made
     cross join generate_series(1, 10) as part
     where $1::bigint > 0 and $2::bigint > 0",
];

/// The sums of it, as the service keeps them.
const SUMS: [&str; 8] = [
    "delete from daily_revenue",
    "insert into daily_revenue (day, currency, gross_minor, orders, refunds_minor, refunds)
     select day, currency, sum(gross), sum(orders), sum(refunded), sum(refunds)
     from (
         select paid_day, currency, total_minor, 1, 0, 0 from orders where paid_day is not null
         union all
         select refunded_day, currency, 0, 0, amount_minor, 1 from refunds
     ) as booked (day, currency, gross, orders, refunded, refunds)
     group by day, currency",
    "delete from daily_counts",
    "insert into daily_counts (day, registrations, enrolments, completions, certificates)
     select day, sum(a), sum(b), sum(c), sum(d)
     from (
         select registered_day, 1, 0, 0, 0 from registrations
         union all
         select started_day, 0, 1, 0, 0 from enrolments where started_day is not null
         union all
         select completed_day, 0, 0, 1, 0 from enrolments where completed_day is not null
         union all
         select issued_day, 0, 0, 0, 1 from certificates where issued_day is not null and not reissue
     ) as happened (day, a, b, c, d)
     group by day",
    "delete from activity_days",
    "insert into activity_days (learner_id, day) select distinct learner_id, completed_day from lesson_completions",
    "delete from activity_gaps",
    "insert into activity_gaps (day, gap, learners)
     select day, gap, count(*)
     from (
         select day, least(coalesce(day - lag(day) over (partition by learner_id order by day), 32), 32) as gap
         from activity_days
     ) as learnt
     group by day, gap",
];

/// What takes the made-up school away.
const TAKEN_AWAY: [&str; 6] = [
    "delete from orders where order_id between 'beac0000-0000-0000-0000-000000000000' and 'beac0001-0000-0000-0000-000000000000'",
    "delete from registrations where user_id between 'beac0000-0000-0000-0000-000000000000' and 'beac0001-0000-0000-0000-000000000000'",
    "delete from enrolments where enrolment_id between 'beac0000-0000-0000-0000-000000000000' and 'beac0001-0000-0000-0000-000000000000'",
    "delete from lesson_completions where run_id between 'beac0000-0000-0000-0000-000000000000' and 'beac0001-0000-0000-0000-000000000000'",
    "delete from certificates where certificate_id between 'beac0000-0000-0000-0000-000000000000' and 'beac0001-0000-0000-0000-000000000000'",
    "delete from events where actor = 'user:made-up'",
];

/// The three statements of a dashboard; `$1` is the first day.
const BARE: [&str; 3] = [
    "select count(*), sum(gross_minor) from daily_revenue where currency = 'RUB' and day >= current_date - 60",
    "select count(*), sum(enrolments) from daily_counts where day >= current_date - 60",
    "select count(*), sum(learners) from activity_gaps where day >= current_date - 60",
];

/// The same from the rows that the sums are of.
const COUNTED: [&str; 3] = [
    "select count(*), sum(total_minor) from orders where currency = 'RUB' and paid_day >= current_date - 60",
    "select count(*), sum(1) from enrolments where started_day >= current_date - 60",
    "select count(distinct learner_id), sum(1) from activity_days where day between current_date - 29 and current_date",
];

/// Fills the analytics database, asks for the dashboard, and takes everything away again.
///
/// # Errors
///
/// When the fleet or its database cannot be reached.
pub async fn run(fleet: &Fleet) -> Result<Report> {
    let school = School::of_tests()?;
    let token = school.staff("manager").await?.token().await;
    let database = fleet.database("analytics").await?;
    fill(&database, EVENTS).await?;
    let measured = measure(fleet, &database, token).await;
    empty(&database).await?;
    measured
}

async fn measure(fleet: &Fleet, database: &PgPool, token: String) -> Result<Report> {
    let load = Load { connections: 4, ..Load::default() };
    let processes = fleet.processes(&["gateway", "analytics"])?;
    let ask = move |_| drive::get("/v1/reports/dashboard", &token);
    let (outcome, cpu) = drive::closed_watched(&fleet.gateway, load, &processes, ask).await?;
    let bare = repeated(database, &BARE, 200).await?;
    let counted = repeated(database, &COUNTED, 5).await?;
    Ok(Report {
        scenario: "dashboard",
        about: format!("GET /v1/reports/dashboard as a manager over {EVENTS} events of a year, 4 connections"),
        rows: vec![
            outcome.row_with_cpu("fleet", &cpu),
            bare.row("reference: bare statements"),
            counted.row("the same without sums"),
        ],
        targets: vec![Target::new("p99 below 100 ms", outcome.percentile(99) < WANTED)],
    })
}

/// Makes a school up that announced so many events, and the sums of it.
///
/// # Errors
///
/// When the database refuses.
pub async fn fill(database: &PgPool, events: i64) -> Result<()> {
    empty(database).await?;
    let mut conn = database.acquire().await?;
    rooms(&mut conn).await?;
    for statement in MADE_UP {
        let parameters = statement.contains("$1");
        let query = sqlx::query(statement);
        let query = if parameters { query.bind(DAYS).bind(events / 50) } else { query };
        query.persistent(false).execute(&mut *conn).await.with_context(|| format!("refused: {statement}"))?;
    }
    sqlx::query("drop table when_made").execute(&mut *conn).await?;
    sum(&mut conn).await
}

/// Takes the made-up school away.
///
/// # Errors
///
/// When the database refuses.
pub async fn empty(database: &PgPool) -> Result<()> {
    let mut conn = database.acquire().await?;
    for statement in TAKEN_AWAY {
        sqlx::query(statement).execute(&mut *conn).await.with_context(|| format!("refused: {statement}"))?;
    }
    sum(&mut conn).await
}

async fn sum(conn: &mut sqlx::PgConnection) -> Result<()> {
    for statement in SUMS {
        sqlx::query(statement).execute(&mut *conn).await.with_context(|| format!("refused: {statement}"))?;
    }
    sqlx::query("vacuum analyze").persistent(false).execute(&mut *conn).await?;
    Ok(())
}

/// Makes the months that the made-up events need, as the service would.
async fn rooms(conn: &mut sqlx::PgConnection) -> Result<()> {
    sqlx::raw_sql(
        "do $$
         declare month timestamp;
         begin
             for month in
                 select generate_series(
                     date_trunc('month', (now() - interval '366 days') at time zone 'utc'),
                     date_trunc('month', now() at time zone 'utc'), '1 month'
                 )
             loop
                 execute format(
                     'create table if not exists events_%s partition of events for values from (%L) to (%L)',
                     to_char(month, 'YYYY_MM'), to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
                     to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00'
                 );
             end loop;
         end $$",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Runs statements one after another, so many times.
async fn repeated(database: &PgPool, statements: &[&'static str], times: usize) -> Result<Outcome> {
    let (begin, mut micros) = (Instant::now(), Vec::new());
    for _ in 0..times {
        let asked = Instant::now();
        for statement in statements {
            sqlx::query(*statement).fetch_one(database).await?;
        }
        micros.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(Outcome::of(micros, 0, begin.elapsed().max(Duration::from_millis(1))))
}
