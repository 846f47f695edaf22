//! Accounts. Passwords are in `credentials`.

use sqlx::{PgConnection, QueryBuilder};
use time::{Date, OffsetDateTime};
use values::{Language, TimeZone};

use super::damaged;
use crate::domain::{
    email::EmailAddress,
    id::UserId,
    profile::{DisplayName, Profile},
    role::Role,
    teaching::BelievedUntil,
    user::{Account, OtherAdmins, State, StateName, Tombstone, User},
};

/// The unique index that keeps one address from having two accounts.
pub const EMAIL_KEY: &str = "users_email_key";

/// One number for every change that could leave the school without an administrator. "admins" in ASCII.
const ADMINS_LOCK: i64 = 0x6164_6d69_6e73;

#[derive(sqlx::FromRow)]
struct Row {
    user_id: UserId,
    email: Option<String>,
    email_confirmed_at: Option<OffsetDateTime>,
    display_name: String,
    language: String,
    time_zone: String,
    roles: Vec<Role>,
    believed_until: Option<Date>,
    state: StateName,
    blocked_at: Option<OffsetDateTime>,
    block_reason: Option<String>,
    erased_at: Option<OffsetDateTime>,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

#[derive(Debug, thiserror::Error)]
#[error("the row of user {user} is in a state that cannot be: {state}")]
struct ImpossibleState {
    user: UserId,
    state: StateName,
}

impl Row {
    fn account(self) -> Result<Account, sqlx::Error> {
        if let (Some(erased_at), None) = (self.erased_at, &self.email) {
            let Self { user_id: id, version, created_at, .. } = self;
            return Ok(Account::Erased(Tombstone { id, version, created_at, erased_at }));
        }
        let state = match (self.state, self.blocked_at, self.block_reason) {
            (StateName::Unconfirmed, None, None) => State::Unconfirmed,
            (StateName::Active, None, None) => State::Active,
            (StateName::Blocked, Some(since), Some(reason)) => State::Blocked { since, reason },
            _ => return Err(damaged(ImpossibleState { user: self.user_id, state: self.state })),
        };
        Ok(Account::Person(User {
            id: self.user_id,
            email: EmailAddress::parse(&self.email.unwrap_or_default()).map_err(damaged)?,
            email_confirmed_at: self.email_confirmed_at,
            profile: Profile {
                display_name: DisplayName::parse(&self.display_name).map_err(damaged)?,
                language: self.language.parse::<Language>().map_err(damaged)?,
                time_zone: TimeZone::parse(&self.time_zone).map_err(damaged)?,
            },
            roles: self.roles.into_iter().collect(),
            believed: self.believed_until.map(BelievedUntil::day),
            state,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }))
    }
}

fn block_of(state: &State) -> (Option<OffsetDateTime>, Option<&str>) {
    match state {
        State::Blocked { since, reason } => (Some(*since), Some(reason)),
        State::Unconfirmed | State::Active => (None, None),
    }
}

/// Writes a new account. Another account with the address violates [`EMAIL_KEY`].
pub async fn insert(conn: &mut PgConnection, user: &User) -> Result<(), sqlx::Error> {
    let (blocked_at, block_reason) = block_of(&user.state);
    sqlx::query(
        "insert into users
             (user_id, email, email_confirmed_at, display_name, language, time_zone, roles, state, blocked_at,
              block_reason, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(user.id)
    .bind(user.email.as_str())
    .bind(user.email_confirmed_at)
    .bind(user.profile.display_name.as_str())
    .bind(user.profile.language.as_str())
    .bind(user.profile.time_zone.as_str())
    .bind(user.roles.names())
    .bind(user.state.name())
    .bind(blocked_at)
    .bind(block_reason)
    .bind(user.version)
    .bind(user.created_at)
    .bind(user.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what changed about an account.
pub async fn save(conn: &mut PgConnection, user: &User) -> Result<(), sqlx::Error> {
    let (blocked_at, block_reason) = block_of(&user.state);
    sqlx::query(
        "update users
         set email_confirmed_at = $2,
             display_name = $3,
             language = $4,
             time_zone = $5,
             roles = $6,
             state = $7,
             blocked_at = $8,
             block_reason = $9,
             version = $10,
             updated_at = $11
         where user_id = $1",
    )
    .bind(user.id)
    .bind(user.email_confirmed_at)
    .bind(user.profile.display_name.as_str())
    .bind(user.profile.language.as_str())
    .bind(user.profile.time_zone.as_str())
    .bind(user.roles.names())
    .bind(user.state.name())
    .bind(blocked_at)
    .bind(block_reason)
    .bind(user.version)
    .bind(user.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Leaves only the tombstone of an account.
pub async fn bury(conn: &mut PgConnection, tombstone: &Tombstone) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update users
         set email = null,
             email_confirmed_at = null,
             display_name = '',
             roles = '{}',
             state = 'erased',
             blocked_at = null,
             block_reason = null,
             erased_at = $3,
             version = $2,
             updated_at = $3
         where user_id = $1",
    )
    .bind(tombstone.id)
    .bind(tombstone.version)
    .bind(tombstone.erased_at)
    .execute(conn)
    .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select user_id, email, email_confirmed_at, display_name, language, time_zone, roles, state, blocked_at,
                    block_reason, erased_at, version, created_at, updated_at,
                    (
                        select believed_until
                        from tutor_verifications
                        where tutor_verifications.user_id = users.user_id
                    ) as believed_until
             from users ",
            $rest
        )
    };
}

/// One account, to read.
pub async fn find(conn: &mut PgConnection, user: UserId) -> Result<Option<Account>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where user_id = $1")).bind(user).fetch_optional(conn).await?;
    row.map(Row::account).transpose()
}

/// One account, to change: nobody else does until the transaction ends.
pub async fn lock(conn: &mut PgConnection, user: UserId) -> Result<Option<Account>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("where user_id = $1 for update")).bind(user).fetch_optional(conn).await?;
    row.map(Row::account).transpose()
}

/// The account of an address.
pub async fn find_by_email(conn: &mut PgConnection, email: &EmailAddress) -> Result<Option<User>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("where lower(email) = $1")).bind(email.key()).fetch_optional(conn).await?;
    Ok(row.map(Row::account).transpose()?.and_then(|account| account.person().ok()))
}

/// Makes everybody wait who may change who administers the school, so that two last administrators do not both leave.
pub async fn lock_admins(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(ADMINS_LOCK).execute(conn).await?;
    Ok(())
}

/// How many accounts other than this one administer the school. Take [`lock_admins`] first.
pub async fn other_admins(conn: &mut PgConnection, than: UserId) -> Result<OtherAdmins, sqlx::Error> {
    let count = sqlx::query_scalar(
        "select count(*)
         from users
         where roles @> array['admin']
           and state = 'active'
           and user_id <> $1",
    )
    .bind(than)
    .fetch_one(conn)
    .await?;
    Ok(OtherAdmins(count))
}

/// Which accounts to list; everything that is not asked for is allowed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A part of the address or of the name.
    pub query: Option<String>,
    pub role: Option<Role>,
    pub state: Option<StateName>,
    /// Opened at this instant or later.
    pub from: Option<OffsetDateTime>,
    /// Opened before this instant.
    pub before: Option<OffsetDateTime>,
}

/// Accounts from the newest on, which come after `after` in that order.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Account>, sqlx::Error> {
    let mut query = QueryBuilder::new(select!("where true"));
    if let Some(part) = filter.query.as_deref().map(containing) {
        query.push(" and (email ilike ").push_bind(part.clone());
        query.push(" or display_name ilike ").push_bind(part).push(")");
    }
    if let Some(role) = filter.role {
        query.push(" and roles @> array[").push_bind(role.as_str()).push("]");
    }
    if let Some(state) = filter.state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(from) = filter.from {
        query.push(" and created_at >= ").push_bind(from);
    }
    if let Some(before) = filter.before {
        query.push(" and created_at < ").push_bind(before);
    }
    if let Some(after) = after {
        query.push(" and user_id < ").push_bind(after);
    }
    query.push(" order by user_id desc limit ").push_bind(limit);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    rows.into_iter().map(Row::account).collect()
}

/// The pattern for texts that contain `part`, whose own `%` and `_` stand for themselves.
fn containing(part: &str) -> String {
    let escaped = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// Accounts in the order of their ids, erased ones too.
pub async fn export(conn: &mut PgConnection, after: Option<UserId>, limit: i64) -> Result<Vec<Account>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where ($1::uuid is null or user_id > $1)
         order by user_id
         limit $2"
    ))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::account).collect()
}

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn what_people_search_for_is_no_pattern() {
        assert_eq!(containing("100%_\\"), r"%100\%\_\\%");
    }
}
