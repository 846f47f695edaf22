//! Accounts. Passwords are in `credentials`.

use sqlx::{PgConnection, QueryBuilder, postgres::PgRow};
use time::OffsetDateTime;
use values::{
    Record,
    made::{self, within},
    record::Row,
};

use crate::domain::{
    email::EmailAddress,
    id::UserId,
    role::Role,
    user::{Account, OtherAdmins, StateName, Tombstone, User},
};

/// The unique index that keeps one address from having two accounts.
pub const EMAIL_KEY: &str = "users_email_key";

/// One number for every change that could leave the school without an administrator. "admins" in ASCII.
const ADMINS_LOCK: i64 = 0x6164_6d69_6e73;

/// Every account. The papers' own version is not the account's.
const SELECT: &str = pg::sql!(
    "select ",
    User,
    ", erased_at, believed_until
     from users
     left join (select user_id, believed_until from tutor_verifications) as papers using (user_id)"
);

/// A row is a person's until it has the moment of an erasure.
fn account(row: PgRow) -> Result<Account, sqlx::Error> {
    let row = Row::of(&row);
    match row.get::<Option<OffsetDateTime>>("erased_at")? {
        Some(_) => Tombstone::read(&row).map(Account::Erased),
        None => Ok(Account::Person(User { believed: row.get("believed_until")?, ..User::read(&row)? })),
    }
}

/// Writes a new account. Another account with the address violates [`EMAIL_KEY`].
pub async fn insert(conn: &mut PgConnection, user: &User) -> Result<(), sqlx::Error> {
    pg::insert(conn, "users", user).await
}

/// Writes what changed about an account.
pub async fn save(conn: &mut PgConnection, user: &User) -> Result<(), sqlx::Error> {
    pg::update(conn, "users", user).await
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

/// One account, to read.
pub async fn find(conn: &mut PgConnection, user: UserId) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query(pg::sql!(const SELECT, " where user_id = $1")).bind(user).try_map(account).fetch_optional(conn).await
}

/// One account, to change: nobody else does until the transaction ends.
pub async fn lock(conn: &mut PgConnection, user: UserId) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query(pg::sql!(const SELECT, " where user_id = $1 for update of users"))
        .bind(user)
        .try_map(account)
        .fetch_optional(conn)
        .await
}

/// The account of an address.
pub async fn find_by_email(conn: &mut PgConnection, email: &EmailAddress) -> Result<Option<User>, sqlx::Error> {
    let found: Option<Account> = sqlx::query(pg::sql!(const SELECT, " where lower(email) = $1"))
        .bind(email.key())
        .try_map(account)
        .fetch_optional(conn)
        .await?;
    Ok(found.and_then(|account| account.person().ok()))
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
    /// Opened at this instant or later, and before the other one.
    pub opened: made::Range,
}

/// Accounts from the newest on, which come after `after` in that order.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Account>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!(const SELECT, " where true"));
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
    within(&mut query, ("created_at", "user_id"), filter.opened);
    if let Some(after) = after {
        query.push(" and user_id < ").push_bind(after);
    }
    query.push(" order by user_id desc limit ").push_bind(limit);
    query.build().try_map(account).fetch_all(conn).await
}

/// The pattern for texts that contain `part`, whose own `%` and `_` stand for themselves.
fn containing(part: &str) -> String {
    let escaped = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// Accounts in the order of their ids, erased ones too.
pub async fn export(conn: &mut PgConnection, after: Option<UserId>, limit: i64) -> Result<Vec<Account>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!(const SELECT, " where true"));
    if let Some(after) = after {
        query.push(" and user_id > ").push_bind(after);
    }
    query.push(" order by user_id limit ").push_bind(limit);
    query.build().try_map(account).fetch_all(conn).await
}

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn what_people_search_for_is_no_pattern() {
        assert_eq!(containing("100%_\\"), r"%100\%\_\\%");
    }
}
