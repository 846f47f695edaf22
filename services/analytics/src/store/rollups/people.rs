//! Accounts and certificates.

use sqlx::PgConnection;

use super::{columns, drop_empty_days};
use crate::domain::fact::{Fact, What};

pub(super) async fn registered(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(facts, What::UserRegistered { user } => { users: *user }, at);
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with heard as (
             select user_id, min(at) as at
             from unnest($1::uuid[], $2::timestamptz[]) as heard (user_id, at)
             group by user_id
         ),
         before as (
             select r.registered_day
             from heard
             join registrations r on r.user_id = heard.user_id
             where r.registered_at > heard.at
         ),
         earlier as (
             insert into registrations as r (user_id, registered_at, registered_day)
             select user_id, at, (at at time zone (select zone from calendar))::date
             from heard
             on conflict (user_id) do update
             set registered_at = excluded.registered_at, registered_day = excluded.registered_day
             where r.registered_at > excluded.registered_at
             returning registered_day
         ),
         changed as (
             select registered_day as day, 1 as by from earlier
             union all
             select registered_day, -1 from before
         )
         insert into daily_counts as d (day, registrations, enrolments, completions, certificates)
         select day, sum(by), 0, 0, 0
         from changed
         group by day
         having sum(by) <> 0
         on conflict (day) do update
         set registrations = d.registrations + excluded.registrations",
    )
    .bind(users)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    drop_empty_days(conn).await
}

pub(super) async fn issued(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::CertificateIssued { certificate, enrolment, predecessor } => {
            certificates: *certificate,
            enrolments: *enrolment,
            reissues: predecessor.is_some(),
        },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with issued as (
             insert into certificates as c (certificate_id, enrolment_id, reissue, issued_at, issued_day)
             select distinct on (certificate_id) certificate_id, enrolment_id, reissue, at,
                    (at at time zone (select zone from calendar))::date
             from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::timestamptz[])
                 as heard (certificate_id, enrolment_id, reissue, at)
             order by certificate_id, at
             on conflict (certificate_id) do update
             set enrolment_id = excluded.enrolment_id,
                 reissue = excluded.reissue,
                 issued_at = excluded.issued_at,
                 issued_day = excluded.issued_day
             where c.issued_at is null
             returning issued_day, reissue
         )
         insert into daily_counts as d (day, registrations, enrolments, completions, certificates)
         select issued_day, 0, 0, 0, count(*)
         from issued
         where not reissue
         group by issued_day
         on conflict (day) do update
         set certificates = d.certificates + excluded.certificates",
    )
    .bind(certificates)
    .bind(enrolments)
    .bind(reissues)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn revoked(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(facts, What::CertificateRevoked { certificate, .. } => { certificates: *certificate }, at);
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into certificates as c (certificate_id, revoked_at)
         select certificate_id, min(at)
         from unnest($1::uuid[], $2::timestamptz[]) as heard (certificate_id, at)
         group by certificate_id
         on conflict (certificate_id) do update
         set revoked_at = least(c.revoked_at, excluded.revoked_at)",
    )
    .bind(certificates)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}
