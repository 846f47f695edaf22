//! Certificates: what was issued, and which PDFs are to be made or deleted.

use pg::Signal;
use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;
use values::{
    Record,
    record::{self, Arguments, Column, Row, refused},
};

use super::{Range, within};
use crate::domain::{
    certificate::{Certificate, OrderBy, Reason, State, StateName},
    id::{CertificateId, CourseId, UserId},
    number::{Key, Number},
};

/// Rings in this process when there is something for a printer.
pub static BELL: Signal<()> = Signal::new();

/// The name of the state, and since when, why and by what it is void. No reason is an empty text.
impl Record for State {
    const COLUMNS: &'static [Column] =
        &[Column::of("state"), Column::of("revoked_at"), Column::of("revoked_reason"), Column::of("successor_id")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let (at, reason): (Option<OffsetDateTime>, String) = (row.get("revoked_at")?, row.get("revoked_reason")?);
        match (row.get("state")?, at.zip(Reason::parse(&reason)), row.get("successor_id")?) {
            (StateName::Issued, ..) => Ok(Self::Issued),
            (StateName::Printed, ..) => Ok(Self::Printed),
            (StateName::Revoked, Some((at, reason)), _) => Ok(Self::Revoked { at, reason }),
            (StateName::Replaced, Some((at, reason)), Some(by)) => Ok(Self::Replaced { at, reason, by }),
            (name, ..) => Err(refused(format!("a certificate lacks what its state carries: {name}"))),
        }
    }

    fn bind(state: Option<&Self>, to: &mut Arguments) {
        let (at, reason) = state.and_then(|state| state.voided()).unzip();
        to.add(state.map(|state| state.name()));
        to.add(at);
        to.add(state.map(|_| reason.map_or("", Reason::as_str)));
        to.add(state.and_then(|state| state.successor()));
    }
}

/// Keeps a new certificate and wakes a printer when the transaction commits. Says whether it is new: an enrolment that
/// has its first one already gets no other, and a certificate has one successor.
pub async fn insert(conn: &mut PgConnection, certificate: &Certificate, number: &Number) -> Result<bool, sqlx::Error> {
    let row = pg::row(certificate).and("number_key", number.key().clone()).and("print_at", certificate.issued_at);
    if row.insert_new(&mut *conn, "certificates").await? {
        BELL.send_after_commit(());
        return Ok(true);
    }
    let taken: bool = sqlx::query_scalar(
        "select exists (
             select
             from certificates
             where enrolment_id = $1
               and predecessor_id is not distinct from $2
         )",
    )
    .bind(certificate.enrolment)
    .bind(certificate.predecessor)
    .fetch_one(conn)
    .await?;
    if taken { Ok(false) } else { Err(refused(format!("the number {} is another one's", number.as_str()))) }
}

/// Keeps that a certificate became void; nobody prints it any more.
pub async fn void(conn: &mut PgConnection, certificate: &Certificate) -> Result<(), sqlx::Error> {
    pg::row(certificate).and("print_at", None::<OffsetDateTime>).update(conn, "certificates").await
}

/// A certificate, whoever's it is; others who would change it wait until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: CertificateId) -> Result<Option<Certificate>, sqlx::Error> {
    let select = pg::sql!("select ", Certificate, " from certificates where certificate_id = $1 for update");
    sqlx::query_as(select).bind(id).fetch_optional(conn).await
}

/// Anybody's certificate.
pub async fn any(conn: &mut PgConnection, id: CertificateId) -> Result<Option<Certificate>, sqlx::Error> {
    let select = pg::sql!("select ", Certificate, " from certificates where certificate_id = $1");
    sqlx::query_as(select).bind(id).fetch_optional(conn).await
}

/// A certificate: one's own, or anybody's where no learner is named.
pub async fn find(
    conn: &mut PgConnection,
    id: CertificateId,
    of: Option<UserId>,
) -> Result<Option<Certificate>, sqlx::Error> {
    Ok(any(conn, id).await?.filter(|certificate| of.is_none_or(|learner| learner == certificate.learner)))
}

/// A certificate with the numbers of those before and after it.
#[derive(Debug)]
pub struct Linked {
    pub certificate: Certificate,
    pub successor: Option<String>,
    pub predecessor: Option<String>,
}

/// The certificate of a number.
pub async fn of_number(conn: &mut PgConnection, key: &Key) -> Result<Option<Linked>, sqlx::Error> {
    let select = pg::sql!("select ", Certificate, " from certificates where number_key = $1");
    let found: Option<Certificate> = sqlx::query_as(select).bind(key.clone()).fetch_optional(&mut *conn).await?;
    let Some(certificate) = found else { return Ok(None) };
    let successor = number(conn, certificate.state.successor()).await?;
    let predecessor = number(conn, certificate.predecessor).await?;
    Ok(Some(Linked { certificate, successor, predecessor }))
}

async fn number(conn: &mut PgConnection, id: Option<CertificateId>) -> Result<Option<String>, sqlx::Error> {
    let Some(id) = id else { return Ok(None) };
    sqlx::query_scalar("select number from certificates where certificate_id = $1").bind(id).fetch_optional(conn).await
}

/// Which certificates to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<StateName>,
    pub learner: Option<UserId>,
    pub course: Option<CourseId>,
    /// Issued at this instant or later, and before the other one.
    pub issued: Range,
    pub order_by: OrderBy,
}

/// Certificates that come after `after`. Each condition has an index that ends with the certificate's id.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<CertificateId>,
    limit: i64,
) -> Result<Vec<Certificate>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Certificate, " from certificates where true"));
    if let Some(state) = filter.state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(learner) = filter.learner {
        query.push(" and learner_id = ").push_bind(learner);
    }
    if let Some(course) = filter.course {
        query.push(" and course_id = ").push_bind(course);
    }
    within(&mut query, ("issued_at", "certificate_id"), filter.issued);
    let (follows, direction) = match filter.order_by {
        OrderBy::IssuedAtDesc => (" and certificate_id < ", " order by certificate_id desc limit "),
        OrderBy::IssuedAt => (" and certificate_id > ", " order by certificate_id limit "),
    };
    if let Some(after) = after {
        query.push(follows).push_bind(after);
    }
    query.push(direction).push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// All certificates in the order of their ids, after one of them.
pub async fn export(
    conn: &mut PgConnection,
    after: Option<CertificateId>,
    limit: i64,
) -> Result<Vec<Certificate>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Certificate, " from certificates where true"));
    if let Some(after) = after {
        query.push(" and certificate_id > ").push_bind(after);
    }
    query.push(" order by certificate_id limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
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

/// Claims a certificate whose PDF is due, until the lease ends: also that of a printer that died with it. Says which
/// try it is.
pub async fn claim(
    conn: &mut PgConnection,
    lease_ends_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Option<(Certificate, i32)>, sqlx::Error> {
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
    Ok(any(conn, id).await?.map(|certificate| (certificate, attempts)))
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

/// Takes the name off every certificate of a person and has the PDFs deleted: now, or when a printer that is at work
/// must be done.
pub async fn erase(
    conn: &mut PgConnection,
    learner: UserId,
    leases_end_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update certificates
         set holder_name = '',
             erased_at = $2,
             unprint_at = case when state = 'printed' then $2 else $3 end,
             print_at = null
         where learner_id = $1 and erased_at is null",
    )
    .bind(learner)
    .bind(now)
    .bind(leases_end_at)
    .execute(conn)
    .await?;
    BELL.send_after_commit(());
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
