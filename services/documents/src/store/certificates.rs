//! Certificates: what was issued, and which PDFs are to be made or deleted.

use anyhow::Context;
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Language;

use crate::domain::{
    certificate::{Certificate, Reason, State},
    id::{CertificateId, CourseId, EnrolmentId, RunId, UserId},
    number::{Key, Number},
};
use crate::error::Error;

/// Refuses a second successor of one certificate.
pub const PREDECESSOR_KEY: &str = "certificates_predecessor_key";

/// The columns of a row, in one place because every read takes all of them.
macro_rules! columns {
    () => {
        "certificate_id, version, number, learner_id, holder_name, course_id, run_id, enrolment_id, course_title,
         course_version, language, state, completed_at, issued_at, revoked_at, revoked_reason, predecessor_id,
         successor_id, erased_at"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    certificate_id: CertificateId,
    version: i64,
    number: String,
    learner_id: UserId,
    holder_name: String,
    course_id: CourseId,
    run_id: RunId,
    enrolment_id: EnrolmentId,
    course_title: String,
    course_version: i32,
    language: String,
    state: String,
    completed_at: OffsetDateTime,
    issued_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
    revoked_reason: String,
    predecessor_id: Option<CertificateId>,
    successor_id: Option<CertificateId>,
    erased_at: Option<OffsetDateTime>,
}

impl Row {
    fn certificate(self) -> Result<Certificate, Error> {
        let voided = self.revoked_at.zip(Reason::stored(&self.revoked_reason));
        let state = match (self.state.as_str(), voided, self.successor_id) {
            ("issued", None, None) => State::Issued,
            ("printed", None, None) => State::Printed,
            ("revoked", Some((at, reason)), None) => State::Revoked { at, reason },
            ("replaced", Some((at, reason)), Some(by)) => State::Replaced { at, reason, by },
            _ => return Err(anyhow::anyhow!("certificates.state of {}", self.certificate_id).into()),
        };
        Ok(Certificate {
            id: self.certificate_id,
            version: self.version,
            number: self.number,
            learner: self.learner_id,
            holder_name: self.holder_name,
            course: self.course_id,
            run: self.run_id,
            enrolment: self.enrolment_id,
            course_title: self.course_title,
            course_version: self.course_version,
            language: self.language.parse::<Language>().context("certificates.language")?,
            completed_at: self.completed_at,
            issued_at: self.issued_at,
            predecessor: self.predecessor_id,
            state,
            erased: self.erased_at.is_some(),
        })
    }
}

/// Keeps a new certificate and wakes a printer when the transaction commits. Says whether it is new: an enrolment that has its first
/// one already gets no other.
pub async fn insert(conn: &mut PgConnection, certificate: &Certificate, number: &Number) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "with inserted as (
             insert into certificates (
                 certificate_id, version, number, number_key, learner_id, holder_name, course_id, run_id, enrolment_id,
                 course_title, course_version, language, state, completed_at, issued_at, predecessor_id, print_at
             )
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'issued', $13, $14, $15, $14)
             on conflict (enrolment_id) where predecessor_id is null do nothing
             returning certificate_id
         )
         select pg_notify('certificates', '') from inserted",
    )
    .bind(certificate.id)
    .bind(certificate.version)
    .bind(number.as_str())
    .bind(number.key().as_str())
    .bind(certificate.learner)
    .bind(&certificate.holder_name)
    .bind(certificate.course)
    .bind(certificate.run)
    .bind(certificate.enrolment)
    .bind(&certificate.course_title)
    .bind(certificate.course_version)
    .bind(certificate.language.as_str())
    .bind(certificate.completed_at)
    .bind(certificate.issued_at)
    .bind(certificate.predecessor)
    .fetch_all(conn)
    .await?;
    Ok(!inserted.is_empty())
}

/// Keeps that a certificate became void; nobody prints it any more.
pub async fn void(conn: &mut PgConnection, certificate: &Certificate) -> Result<(), sqlx::Error> {
    let (at, reason) = certificate.state.voided().unzip();
    sqlx::query(
        "update certificates
         set version = $2,
             state = $3,
             revoked_at = $4,
             revoked_reason = $5,
             successor_id = $6,
             print_at = null
         where certificate_id = $1",
    )
    .bind(certificate.id)
    .bind(certificate.version)
    .bind(certificate.state.as_str())
    .bind(at)
    .bind(reason.map_or("", Reason::as_str))
    .bind(certificate.state.successor())
    .execute(conn)
    .await?;
    Ok(())
}

/// A certificate, whoever's it is; others who would change it wait until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: CertificateId) -> Result<Option<Certificate>, Error> {
    let row: Option<Row> =
        sqlx::query_as(concat!("select ", columns!(), " from certificates where certificate_id = $1 for update"))
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(Row::certificate).transpose()
}

/// A certificate: one's own, or anybody's where no learner is named.
pub async fn find(
    conn: &mut PgConnection,
    id: CertificateId,
    of: Option<UserId>,
) -> Result<Option<Certificate>, Error> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from certificates where certificate_id = $1 and ($2::uuid is null or learner_id = $2)"
    ))
    .bind(id)
    .bind(of)
    .fetch_optional(conn)
    .await?;
    row.map(Row::certificate).transpose()
}

/// The certificate of a number, with the numbers of its successor and its predecessor.
pub async fn of_number(conn: &mut PgConnection, key: &Key) -> Result<Option<(Certificate, String, String)>, Error> {
    let row: Option<Row> = sqlx::query_as(concat!("select ", columns!(), " from certificates where number_key = $1"))
        .bind(key.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let Some(certificate) = row.map(Row::certificate).transpose()? else { return Ok(None) };
    let successor = number(conn, certificate.state.successor()).await?;
    let predecessor = number(conn, certificate.predecessor).await?;
    Ok(Some((certificate, successor, predecessor)))
}

/// The number of a certificate; empty without one.
async fn number(conn: &mut PgConnection, id: Option<CertificateId>) -> Result<String, sqlx::Error> {
    let Some(id) = id else { return Ok(String::new()) };
    sqlx::query_scalar("select number from certificates where certificate_id = $1").bind(id).fetch_one(conn).await
}

/// Certificates newest first, older than `after`: of everybody or one learner, of every course or one.
pub async fn newest(
    conn: &mut PgConnection,
    learner: Option<UserId>,
    course: Option<CourseId>,
    after: Option<CertificateId>,
    limit: i64,
) -> Result<Vec<Certificate>, Error> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from certificates
         where ($1::uuid is null or learner_id = $1)
           and ($2::uuid is null or course_id = $2)
           and ($3::uuid is null or certificate_id < $3)
         order by certificate_id desc
         limit $4"
    ))
    .bind(learner)
    .bind(course)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::certificate).collect()
}

/// All certificates in the order of their ids, after one of them.
pub async fn export(
    conn: &mut PgConnection,
    after: Option<CertificateId>,
    limit: i64,
) -> Result<Vec<Certificate>, Error> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from certificates where $1::uuid is null or certificate_id > $1 order by certificate_id limit $2"
    ))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::certificate).collect()
}

/// How many certificates have no PDF yet, and when the oldest of them was issued.
pub async fn unprinted_yet(conn: &mut PgConnection) -> Result<(i64, Option<OffsetDateTime>), sqlx::Error> {
    sqlx::query_as(
        "select count(*), min(issued_at)
         from certificates
         where print_at is not null",
    )
    .fetch_one(conn)
    .await
}

/// Claims a certificate whose PDF is due, until the lease ends: also that of a printer that died with it. Says which try it is.
pub async fn claim(
    conn: &mut PgConnection,
    lease_ends_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Option<(Certificate, i32)>, Error> {
    let claimed: Option<(CertificateId, i32)> = sqlx::query_as(
        "with due as (
             select certificate_id
             from certificates
             where print_at <= $1
             order by print_at
             limit 1
             for update skip locked
         )
         update certificates
         set print_at = $2,
             print_attempts = print_attempts + 1
         from due
         where certificates.certificate_id = due.certificate_id
         returning certificates.certificate_id, print_attempts",
    )
    .bind(now)
    .bind(lease_ends_at)
    .fetch_optional(&mut *conn)
    .await?;
    let Some((id, attempts)) = claimed else { return Ok(None) };
    Ok(find(conn, id, None).await?.map(|certificate| (certificate, attempts)))
}

/// Remembers that the PDF of a claimed certificate is stored. Nothing if it became void or was erased meanwhile.
pub async fn printed(conn: &mut PgConnection, id: CertificateId) -> Result<bool, sqlx::Error> {
    let printed = sqlx::query(
        "update certificates
         set state = 'printed',
             print_at = null
         where certificate_id = $1 and state = 'issued' and erased_at is null",
    )
    .bind(id)
    .execute(conn)
    .await?;
    Ok(printed.rows_affected() > 0)
}

/// Lets a claimed certificate be tried again later.
pub async fn postpone(
    conn: &mut PgConnection,
    id: CertificateId,
    attempts: i32,
    next_try_at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update certificates
         set print_at = $3
         where certificate_id = $1 and print_attempts = $2 and print_at is not null",
    )
    .bind(id)
    .bind(attempts)
    .bind(next_try_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the name off every certificate of a person and has the PDFs deleted: now, or when a printer that is at work must be done.
pub async fn erase(
    conn: &mut PgConnection,
    learner: UserId,
    leases_end_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with erased as (
             update certificates
             set holder_name = '',
                 erased_at = $2,
                 unprint_at = case when state = 'printed' then $2 else $3 end,
                 print_at = null
             where learner_id = $1 and erased_at is null
             returning certificate_id
         )
         select pg_notify('certificates', '') from erased limit 1",
    )
    .bind(learner)
    .bind(now)
    .bind(leases_end_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Certificates whose PDF is to be deleted.
pub async fn to_unprint(
    conn: &mut PgConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<CertificateId>, sqlx::Error> {
    sqlx::query_scalar("select certificate_id from certificates where unprint_at <= $1 order by unprint_at limit $2")
        .bind(now)
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Remembers that a PDF is deleted.
pub async fn unprinted(conn: &mut PgConnection, id: CertificateId) -> Result<(), sqlx::Error> {
    sqlx::query("update certificates set unprint_at = null where certificate_id = $1").bind(id).execute(conn).await?;
    Ok(())
}
