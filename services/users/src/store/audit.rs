//! The audit log. A trigger refuses to change or delete what was written, except for erasing personal data.

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;
use values::made::{self, within};

use crate::domain::{
    audit::{Action, Entry, Requester},
    id::{AuditEntryId, UserId},
};

/// Adds a line: who did what to whose account, and more about it.
pub async fn append(
    conn: &mut PgConnection,
    by: &Requester,
    action: Action,
    target: Option<UserId>,
    details: &[(&str, String)],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let entry = Entry {
        id: AuditEntryId::new(now),
        occurred_at: now,
        actor: by.actor.clone(),
        action: action.to_string(),
        target,
        address: by.address.map(|address| address.to_string()),
        request_id: by.request_id.clone(),
        details: details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    pg::row(&entry).and("user_agent", &by.user_agent).insert(conn, "audit_entries").await
}

/// Which lines to list; everything that is not asked for is allowed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub target: Option<UserId>,
    pub actor: Option<String>,
    pub action: Option<String>,
    /// Happened at this instant or later, and before the other one.
    pub occurred: made::Range,
}

/// Lines from the newest on, which come after `after` in that order.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<AuditEntryId>,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Entry, " from audit_entries where true"));
    if let Some(target) = filter.target {
        query.push(" and target_user_id = ").push_bind(target);
    }
    if let Some(actor) = &filter.actor {
        query.push(" and actor = ").push_bind(actor);
    }
    if let Some(action) = &filter.action {
        query.push(" and action = ").push_bind(action);
    }
    within(&mut query, ("occurred_at", "entry_id"), filter.occurred);
    if let Some(after) = after {
        query.push(" and entry_id < ").push_bind(after);
    }
    query.push(" order by entry_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// Takes from the log what is personal about a user: where they called from, and what was written about them.
///
/// What others did to the account, and from where, stays theirs to answer for.
pub async fn erase_personal(conn: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update audit_entries
         set address = case when actor in ($2, 'anonymous') then null else address end,
             user_agent = case when actor in ($2, 'anonymous') then null else user_agent end,
             details = case when target_user_id = $1 then '{}' else details end
         where target_user_id = $1
            or actor = $2",
    )
    .bind(user)
    .bind(format!("user:{user}"))
    .execute(conn)
    .await?;
    Ok(())
}
