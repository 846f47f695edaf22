//! Verification cases, their files, approvals and history. Written under the tutor's lock only.

use sqlx::{FromRow, PgConnection};
use time::{Date, OffsetDateTime};

use super::tutors;
use crate::domain::{
    case::{Approval, Case, State, StateName},
    id::{CaseId, FileId, UserId},
    paper::{PaperKind, Reason},
    tutor::Held,
};

/// Refuses a second open case about a kind of paper.
pub const OPEN_KEY: &str = "verification_cases_open_key";
/// Refuses both approvals by one person.
pub const APPROVALS_PK: &str = "case_approvals_pk";

#[derive(FromRow)]
struct Row {
    case_id: CaseId,
    tutor_id: UserId,
    kind: String,
    state: String,
    claimed_until: Option<Date>,
    valid_until: Option<Date>,
    reason: Option<String>,
    comment: String,
    deadline: Option<OffsetDateTime>,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    files: Vec<FileId>,
    approved_by: Option<UserId>,
    approved_until: Option<Date>,
}

/// Selects cases. Of the approvals only that of a case which waits for another one is read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select cases.case_id, cases.tutor_id, cases.kind, cases.state, cases.claimed_until, cases.valid_until,
                    cases.reason, cases.comment, cases.deadline, cases.version, cases.created_at, cases.updated_at,
                    array(
                        select file_id
                        from case_files
                        where case_files.case_id = cases.case_id
                        order by position
                    ) as files,
                    approvals.reviewer_id as approved_by, approvals.valid_until as approved_until
             from verification_cases as cases
             left join case_approvals as approvals
               on approvals.case_id = cases.case_id and cases.state = 'approved_once' ",
            $rest
        )
    };
}

fn broken(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored {what} cannot be read").into())
}

fn read(row: Row) -> Result<Case, sqlx::Error> {
    let kind = PaperKind::parse(&row.kind).ok_or_else(|| broken("kind of paper"))?;
    let reason = row.reason.as_deref().and_then(|reason| reason.parse::<Reason>().ok());
    let state = match (row.state.as_str(), row.deadline, reason, row.approved_by) {
        ("checking", Some(deadline), _, _) => State::Checking { deadline },
        ("in_review", ..) => State::InReview,
        ("approved_once", _, _, Some(by)) => State::ApprovedOnce(Approval { by, until: row.approved_until }),
        ("verified", ..) => State::Verified { until: row.valid_until },
        ("rejected", _, Some(reason), _) => State::Rejected(reason),
        ("withdrawn", ..) => State::Withdrawn,
        ("expired", ..) => State::Expired { until: row.valid_until.ok_or_else(|| broken("last day"))? },
        ("revoked", _, Some(reason), _) => State::Revoked(reason),
        _ => return Err(broken("state of a case")),
    };
    Ok(Case {
        id: row.case_id,
        tutor: row.tutor_id,
        kind,
        files: row.files,
        claimed: row.claimed_until,
        state,
        comment: row.comment,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn valid_until(state: State) -> Option<Date> {
    match state {
        State::Verified { until } => until,
        State::Expired { until } => Some(until),
        _ => None,
    }
}

fn deadline(state: State) -> Option<OffsetDateTime> {
    match state {
        State::Checking { deadline } => Some(deadline),
        _ => None,
    }
}

/// Writes a new case.
pub async fn insert(conn: &mut PgConnection, case: &Case) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into verification_cases (
             case_id, tutor_id, kind, state, claimed_until, valid_until, reason, comment, deadline, version,
             created_at, updated_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(case.id)
    .bind(case.tutor)
    .bind(case.kind.as_str())
    .bind(case.state.as_str())
    .bind(case.claimed)
    .bind(valid_until(case.state))
    .bind(case.state.reason().map(Reason::as_str))
    .bind(&case.comment)
    .bind(deadline(case.state))
    .bind(case.version)
    .bind(case.created_at)
    .bind(case.updated_at)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into case_files (case_id, position, file_id)
         select $1, position, file_id
         from unnest($2::uuid[]) with ordinality as files (file_id, position)",
    )
    .bind(case.id)
    .bind(&case.files)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what changed in a case.
pub async fn update(conn: &mut PgConnection, case: &Case) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update verification_cases
         set state = $2,
             valid_until = $3,
             reason = $4,
             comment = $5,
             deadline = $6,
             version = $7,
             updated_at = $8
         where case_id = $1",
    )
    .bind(case.id)
    .bind(case.state.as_str())
    .bind(valid_until(case.state))
    .bind(case.state.reason().map(Reason::as_str))
    .bind(&case.comment)
    .bind(deadline(case.state))
    .bind(case.version)
    .bind(case.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes an approval.
pub async fn approve(
    conn: &mut PgConnection,
    case: CaseId,
    approval: Approval,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into case_approvals (case_id, reviewer_id, valid_until, approved_at) values ($1, $2, $3, $4)")
        .bind(case)
        .bind(approval.by)
        .bind(approval.until)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes another last day into somebody's own approval.
pub async fn correct(conn: &mut PgConnection, case: CaseId, approval: Approval) -> Result<(), sqlx::Error> {
    sqlx::query("update case_approvals set valid_until = $3 where case_id = $1 and reviewer_id = $2")
        .bind(case)
        .bind(approval.by)
        .bind(approval.until)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a case, and every other one of its tutor, for the transaction: who decides about one decides about the standing.
pub async fn lock(conn: &mut PgConnection, id: CaseId) -> Result<Option<Case>, sqlx::Error> {
    let tutor: Option<UserId> = sqlx::query_scalar("select tutor_id from verification_cases where case_id = $1")
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(tutor) = tutor else { return Ok(None) };
    tutors::lock(conn, tutor).await?;
    any(conn, id).await
}

/// Anybody's case.
pub async fn any(conn: &mut PgConnection, id: CaseId) -> Result<Option<Case>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where cases.case_id = $1")).bind(id).fetch_optional(conn).await?;
    row.map(read).transpose()
}

/// A case of this tutor.
pub async fn of(conn: &mut PgConnection, id: CaseId, tutor: UserId) -> Result<Option<Case>, sqlx::Error> {
    Ok(any(conn, id).await?.filter(|case| case.tutor == tutor))
}

/// Cases of a tutor, newest first.
pub async fn list_of(
    conn: &mut PgConnection,
    tutor: UserId,
    before: Option<CaseId>,
    most: i64,
) -> Result<Vec<Case>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where cases.tutor_id = $1
           and ($2::uuid is null or cases.case_id < $2)
         order by cases.case_id desc
         limit $3"
    ))
    .bind(tutor)
    .bind(before)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// Which cases a reviewer wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<StateName>,
    pub tutor: Option<UserId>,
}

/// Cases of all tutors, oldest first.
pub async fn list_any(
    conn: &mut PgConnection,
    filter: Filter,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<Case>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where ($1::text is null or cases.state = $1)
           and ($2::uuid is null or cases.tutor_id = $2)
           and ($3::uuid is null or cases.case_id > $3)
         order by cases.case_id
         limit $4"
    ))
    .bind(filter.state.map(StateName::as_str))
    .bind(filter.tutor)
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// The latest case of each kind of paper of a tutor.
pub async fn latest(conn: &mut PgConnection, tutor: UserId) -> Result<Vec<Case>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where cases.case_id in (
             select distinct on (kind) case_id
             from verification_cases
             where tutor_id = $1
             order by kind, case_id desc
         )"
    ))
    .bind(tutor)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// The papers of a tutor that are verified.
pub async fn held(conn: &mut PgConnection, tutor: UserId) -> Result<Vec<Held>, sqlx::Error> {
    let rows: Vec<(String, Option<Date>)> = sqlx::query_as(
        "select kind, valid_until
         from verification_cases
         where tutor_id = $1
           and state = 'verified'",
    )
    .bind(tutor)
    .fetch_all(conn)
    .await?;
    let held = |(kind, until): (String, _)| {
        Ok(Held { kind: PaperKind::parse(&kind).ok_or_else(|| broken("kind of paper"))?, until })
    };
    rows.into_iter().map(held).collect()
}

/// Verified cases that run out before a day or on it, of people who are still there; a page in the order of ids.
pub async fn running_out(
    conn: &mut PgConnection,
    by: Date,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<CaseId>, sqlx::Error> {
    sqlx::query_scalar(
        "select case_id
         from verification_cases
         join tutors using (tutor_id)
         where state = 'verified'
           and verification_cases.valid_until <= $1
           and erased_at is null
           and ($2::uuid is null or case_id > $2)
         order by case_id
         limit $3",
    )
    .bind(by)
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await
}

/// Cases for whose answer nobody waits any more; a page in the order of ids.
pub async fn overdue(
    conn: &mut PgConnection,
    now: OffsetDateTime,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<CaseId>, sqlx::Error> {
    sqlx::query_scalar(
        "select case_id
         from verification_cases
         where deadline <= $1
           and ($2::uuid is null or case_id > $2)
         order by case_id
         limit $3",
    )
    .bind(now)
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await
}

/// How many cases the Document System checks, and how many people review.
pub async fn open(conn: &mut PgConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "select count(*) filter (where state = 'checking'), count(*) filter (where state <> 'checking')
         from verification_cases
         where state in ('checking', 'in_review', 'approved_once')",
    )
    .fetch_one(conn)
    .await
}

/// Notes that a reminder is announced; false if it was before.
pub async fn remind(
    conn: &mut PgConnection,
    case: CaseId,
    days_left: i64,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query(
        "insert into case_reminders (case_id, days_left, announced_at)
         values ($1, $2, $3)
         on conflict on constraint case_reminders_pk do nothing",
    )
    .bind(case)
    .bind(i16::try_from(days_left).unwrap_or(i16::MAX))
    .bind(now)
    .execute(conn)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Something that happened to a case.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Entry {
    pub what: String,
    pub actor: String,
    pub detail: String,
    pub at: OffsetDateTime,
}

/// Writes into a case's history.
pub async fn note(conn: &mut PgConnection, case: CaseId, entry: &Entry) -> Result<(), sqlx::Error> {
    sqlx::query("insert into case_entries (case_id, what, actor, detail, at) values ($1, $2, $3, $4, $5)")
        .bind(case)
        .bind(&entry.what)
        .bind(&entry.actor)
        .bind(&entry.detail)
        .bind(entry.at)
        .execute(conn)
        .await?;
    Ok(())
}

/// What happened to a case, oldest first.
pub async fn history(conn: &mut PgConnection, case: CaseId) -> Result<Vec<Entry>, sqlx::Error> {
    sqlx::query_as(
        "select what, actor, detail, at
         from case_entries
         where case_id = $1
         order by entry_id",
    )
    .bind(case)
    .fetch_all(conn)
    .await
}

/// Whether a case rests on a file, so that it has to stay.
pub async fn uses_file(conn: &mut PgConnection, file: FileId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from case_files where file_id = $1)").bind(file).fetch_one(conn).await
}

/// Forgets what people wrote about a tutor's papers, and which files they were.
pub async fn forget_of(conn: &mut PgConnection, tutor: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from case_files
         using verification_cases as cases
         where cases.case_id = case_files.case_id
           and cases.tutor_id = $1",
    )
    .bind(tutor)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update case_entries
         set detail = ''
         from verification_cases as cases
         where cases.case_id = case_entries.case_id
           and cases.tutor_id = $1",
    )
    .bind(tutor)
    .execute(&mut *conn)
    .await?;
    sqlx::query("update verification_cases set comment = '' where tutor_id = $1").bind(tutor).execute(conn).await?;
    Ok(())
}

/// The cases of a tutor that nobody has decided.
pub async fn open_of(conn: &mut PgConnection, tutor: UserId) -> Result<Vec<CaseId>, sqlx::Error> {
    sqlx::query_scalar(
        "select case_id
         from verification_cases
         where tutor_id = $1
           and state in ('checking', 'in_review', 'approved_once')
         order by case_id",
    )
    .bind(tutor)
    .fetch_all(conn)
    .await
}
