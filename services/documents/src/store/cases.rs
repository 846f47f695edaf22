//! Verification cases, their files, approvals and history. Written under the tutor's lock only.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::{Date, OffsetDateTime};
use values::{
    Record,
    record::{self, Arguments, Column, Row},
};

use super::{Range, tutors, within};
use crate::domain::{
    case::{Approval, Case, OrderBy, State, StateName},
    id::{CaseId, FileId, UserId},
    paper::PaperKind,
    tutor::VerifiedPaper,
};

/// Refuses a second open case about a kind of paper.
pub const OPEN_KEY: &str = "verification_cases_open_key";
/// Refuses both approvals by one person.
pub const APPROVALS_PK: &str = "case_approvals_pk";

/// The name of the state and what it carries; the approval of a case that waits for another one has a table of its own.
impl Record for State {
    const COLUMNS: &'static [Column] =
        &[Column::of("state"), Column::of("valid_until"), Column::of("reason"), Column::of("deadline")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let (until, reason) = (row.get("valid_until")?, row.get("reason")?);
        match (row.get("state")?, reason, until) {
            (StateName::Checking, ..) => Ok(Self::Checking { deadline: row.get("deadline")? }),
            (StateName::InReview, ..) => Ok(Self::InReview),
            (StateName::ApprovedOnce, ..) => {
                let (by, until) = (row.get("approved_by")?, row.get("approved_until")?);
                Ok(Self::ApprovedOnce(Approval { by, until }))
            }
            (StateName::Verified, _, until) => Ok(Self::Verified { until }),
            (StateName::Rejected, Some(reason), _) => Ok(Self::Rejected(reason)),
            (StateName::Withdrawn, ..) => Ok(Self::Withdrawn),
            (StateName::Expired, _, Some(until)) => Ok(Self::Expired { until }),
            (StateName::Revoked, Some(reason), _) => Ok(Self::Revoked(reason)),
            (name, ..) => Err(record::refused(format!("a case lacks what its state carries: {name}"))),
        }
    }

    fn bind(state: Option<&Self>, to: &mut Arguments) {
        to.add(state.map(|state| state.name()));
        to.add(state.and_then(|state| state.valid_until()));
        to.add(state.and_then(|state| state.reason()));
        to.add(state.and_then(|state| state.deadline()));
    }
}

/// A case with what stands in other tables.
#[derive(values::Record)]
struct Whole {
    #[record(flatten)]
    case: Case,
    files: Vec<FileId>,
}

impl From<Whole> for Case {
    fn from(Whole { case, files }: Whole) -> Self {
        Self { files, ..case }
    }
}

/// Selects cases. Of the approvals only that of a case which waits for another one is read.
const SELECT: &str = pg::sql!(
    "select ",
    Case as cases,
    ", array(
           select file_id
           from case_files
           where case_files.case_id = cases.case_id
           order by position
       ) as files,
       approvals.reviewer_id as approved_by, approvals.valid_until as approved_until
     from verification_cases as cases
     left join case_approvals as approvals
       on approvals.case_id = cases.case_id and cases.state = 'approved_once' "
);

/// Writes a new case.
pub async fn insert(conn: &mut PgConnection, case: &Case) -> Result<(), sqlx::Error> {
    pg::insert(&mut *conn, "verification_cases", case).await?;
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
    pg::update(conn, "verification_cases", case).await
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

/// Takes a case, and every other one of its tutor, for the transaction: who decides about one decides about the
/// standing.
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
    let found: Option<Whole> =
        sqlx::query_as(pg::sql!(const SELECT, "where cases.case_id = $1")).bind(id).fetch_optional(conn).await?;
    Ok(found.map(Case::from))
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
    limit: i64,
) -> Result<Vec<Case>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!(const SELECT, "where cases.tutor_id = "));
    query.push_bind(tutor);
    if let Some(before) = before {
        query.push(" and cases.case_id < ").push_bind(before);
    }
    query.push(" order by cases.case_id desc limit ").push_bind(limit);
    let found: Vec<Whole> = query.build_query_as().fetch_all(conn).await?;
    Ok(found.into_iter().map(Case::from).collect())
}

/// Which of everybody's cases to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<StateName>,
    pub tutor: Option<UserId>,
    pub kind: Option<PaperKind>,
    /// Handed in at this instant or later, and before the other one.
    pub created: Range,
    pub order_by: OrderBy,
}

/// Anybody's cases that come after `after`. Each condition has an index that ends with the case's id.
pub async fn list_any(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<CaseId>,
    limit: i64,
) -> Result<Vec<Case>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!(const SELECT, "where true"));
    if let Some(state) = filter.state {
        query.push(" and cases.state = ").push_bind(state);
    }
    if let Some(tutor) = filter.tutor {
        query.push(" and cases.tutor_id = ").push_bind(tutor);
    }
    if let Some(kind) = filter.kind {
        query.push(" and cases.kind = ").push_bind(kind);
    }
    within(&mut query, ("cases.created_at", "cases.case_id"), filter.created);
    let (follows, direction) = match filter.order_by {
        OrderBy::CreatedAt => (" and cases.case_id > ", " order by cases.case_id limit "),
        OrderBy::CreatedAtDesc => (" and cases.case_id < ", " order by cases.case_id desc limit "),
    };
    if let Some(after) = after {
        query.push(follows).push_bind(after);
    }
    query.push(direction).push_bind(limit);
    let found: Vec<Whole> = query.build_query_as().fetch_all(conn).await?;
    Ok(found.into_iter().map(Case::from).collect())
}

/// The latest case of each kind of paper of a tutor.
pub async fn latest(conn: &mut PgConnection, tutor: UserId) -> Result<Vec<Case>, sqlx::Error> {
    let select = pg::sql!(
        const SELECT,
        "where cases.case_id in (
             select distinct on (kind) case_id
             from verification_cases
             where tutor_id = $1
             order by kind, case_id desc
         )"
    );
    let found: Vec<Whole> = sqlx::query_as(select).bind(tutor).fetch_all(conn).await?;
    Ok(found.into_iter().map(Case::from).collect())
}

/// The papers of a tutor that are verified.
pub async fn verified_papers(conn: &mut PgConnection, tutor: UserId) -> Result<Vec<VerifiedPaper>, sqlx::Error> {
    let select =
        pg::sql!("select ", VerifiedPaper, " from verification_cases where tutor_id = $1 and state = 'verified'");
    sqlx::query_as(select).bind(tutor).fetch_all(conn).await
}

/// Verified cases that run out before a day or on it, of people who are still there; a page in the order of ids.
pub async fn running_out(
    conn: &mut PgConnection,
    by: Date,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<CaseId>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "select case_id
         from verification_cases
         join tutors using (tutor_id)
         where state = 'verified'
           and erased_at is null
           and verification_cases.valid_until <= ",
    );
    query.push_bind(by);
    page(query, after, most, conn).await
}

/// Cases for whose answer nobody waits any more; a page in the order of ids.
pub async fn overdue(
    conn: &mut PgConnection,
    now: OffsetDateTime,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<CaseId>, sqlx::Error> {
    let mut query = QueryBuilder::new("select case_id from verification_cases where deadline <= ");
    query.push_bind(now);
    page(query, after, most, conn).await
}

/// Ids that a query finds, after one of them.
async fn page(
    mut query: QueryBuilder<Postgres>,
    after: Option<CaseId>,
    most: i64,
    conn: &mut PgConnection,
) -> Result<Vec<CaseId>, sqlx::Error> {
    if let Some(after) = after {
        query.push(" and case_id > ").push_bind(after);
    }
    query.push(" order by case_id limit ").push_bind(most);
    query.build_query_scalar().fetch_all(conn).await
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
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Entry {
    pub what: String,
    pub actor: String,
    pub detail: String,
    pub at: OffsetDateTime,
}

/// Writes into a case's history.
pub async fn note(conn: &mut PgConnection, case: CaseId, entry: &Entry) -> Result<(), sqlx::Error> {
    pg::row(entry).and("case_id", case).insert(conn, "case_entries").await
}

/// What happened to a case, oldest first.
pub async fn history(conn: &mut PgConnection, case: CaseId) -> Result<Vec<Entry>, sqlx::Error> {
    let select = pg::sql!("select ", Entry, " from case_entries where case_id = $1 order by entry_id");
    sqlx::query_as(select).bind(case).fetch_all(conn).await
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
