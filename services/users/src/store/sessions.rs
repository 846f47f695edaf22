//! Sessions and their refresh tokens. Only the tokens' SHA-256 is known here.

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::{
    id::{SessionId, UserId},
    session::{EndReason, Session, TokenUse},
};

/// Writes a new session and its first refresh token.
pub async fn open(conn: &mut PgConnection, session: &Session, token_hash: &[u8]) -> Result<(), sqlx::Error> {
    pg::row(session).and("generation", 1).insert(conn, "sessions").await?;
    add_token(conn, session.user, session.id, token_hash, 1, session.created_at).await
}

async fn add_token(
    conn: &mut PgConnection,
    user: UserId,
    session: SessionId,
    hash: &[u8],
    generation: i32,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into refresh_tokens (token_hash, user_id, session_id, generation, issued_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(hash)
    .bind(user)
    .bind(session)
    .bind(generation)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// A session and one of its tokens, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct Presented {
    pub session: Session,
    pub token: TokenUse,
    generation: i32,
}

/// The session that a refresh token belongs to, to change it.
pub async fn lock_by_token(conn: &mut PgConnection, token_hash: &[u8]) -> Result<Option<Presented>, sqlx::Error> {
    let owner: Option<(UserId, SessionId, i32)> = sqlx::query_as(
        "select user_id, session_id, generation
         from refresh_tokens
         where token_hash = $1",
    )
    .bind(token_hash)
    .fetch_optional(&mut *conn)
    .await?;
    let Some((user, session, generation)) = owner else { return Ok(None) };
    let newest: Option<i32> = sqlx::query_scalar(
        "select generation
         from sessions
         where user_id = $1
           and session_id = $2
         for update",
    )
    .bind(user)
    .bind(session)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(newest) = newest else { return Ok(None) };
    // Read only now, under the lock: until here somebody else may have exchanged the token.
    let exchanged_at: Option<OffsetDateTime> =
        sqlx::query_scalar("select exchanged_at from refresh_tokens where token_hash = $1")
            .bind(token_hash)
            .fetch_one(&mut *conn)
            .await?;
    let token = match exchanged_at {
        None => TokenUse::Newest,
        Some(at) => TokenUse::Exchanged { at, is_last: generation + 1 == newest },
    };
    let session = find(conn, user, session).await?;
    Ok(session.map(|session| Presented { session, token, generation }))
}

/// Exchanges the newest token for its successor, and notes where the session is used.
pub async fn rotate(
    conn: &mut PgConnection,
    presented: &Presented,
    old_hash: &[u8],
    new_hash: &[u8],
    used: &Session,
) -> Result<(), sqlx::Error> {
    let next = presented.generation + 1;
    sqlx::query("update refresh_tokens set exchanged_at = $2 where token_hash = $1")
        .bind(old_hash)
        .bind(used.last_used_at)
        .execute(&mut *conn)
        .await?;
    pg::row(used).and("generation", next).update(conn, "sessions").await?;
    add_token(conn, used.user, used.id, new_hash, next, used.last_used_at).await
}

/// One session of a user.
pub async fn find(conn: &mut PgConnection, user: UserId, session: SessionId) -> Result<Option<Session>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Session, " from sessions where user_id = $1 and session_id = $2"))
        .bind(user)
        .bind(session)
        .fetch_optional(conn)
        .await
}

/// Whose token this is, and of which session.
pub async fn owner_of_token(
    conn: &mut PgConnection,
    token_hash: &[u8],
) -> Result<Option<(UserId, SessionId)>, sqlx::Error> {
    sqlx::query_as("select user_id, session_id from refresh_tokens where token_hash = $1")
        .bind(token_hash)
        .fetch_optional(conn)
        .await
}

/// Open sessions of a user from the newest on, which come after `after` in that order.
///
/// Open means: not ended, not expired, and last used after `used_since`.
pub async fn open_of_user(
    conn: &mut PgConnection,
    user: UserId,
    used_since: OffsetDateTime,
    now: OffsetDateTime,
    after: Option<SessionId>,
    limit: i64,
) -> Result<Vec<Session>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Session, " from sessions where ended_at is null"));
    query.push(" and user_id = ").push_bind(user);
    query.push(" and expires_at > ").push_bind(now);
    query.push(" and last_used_at > ").push_bind(used_since);
    if let Some(after) = after {
        query.push(" and session_id < ").push_bind(after);
    }
    query.push(" order by session_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// Ends a session; says whether it was open.
pub async fn end(
    conn: &mut PgConnection,
    user: UserId,
    session: SessionId,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "update sessions
         set ended_at = $4,
             end_reason = $3
         where user_id = $1
           and session_id = $2
           and ended_at is null",
    )
    .bind(user)
    .bind(session)
    .bind(reason)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// Ends every session of a user except one, and names those that were open.
pub async fn end_all(
    conn: &mut PgConnection,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<Vec<SessionId>, sqlx::Error> {
    sqlx::query_scalar(
        "update sessions
         set ended_at = $4,
             end_reason = $3
         where user_id = $1
           and session_id is distinct from $2
           and ended_at is null
         returning session_id",
    )
    .bind(user)
    .bind(except)
    .bind(reason)
    .bind(now)
    .fetch_all(conn)
    .await
}

/// Sessions that ended after `since`, and when.
pub async fn ended_since(
    conn: &mut PgConnection,
    since: OffsetDateTime,
) -> Result<Vec<(SessionId, OffsetDateTime)>, sqlx::Error> {
    sqlx::query_as(
        "select session_id, ended_at
         from sessions
         where ended_at > $1",
    )
    .bind(since)
    .fetch_all(conn)
    .await
}

/// Takes from the sessions of a user where they were used.
pub async fn erase_origins(conn: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update sessions
         set address = null,
             user_agent = null
         where user_id = $1",
    )
    .bind(user)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes sessions, with their tokens, that ended or expired before `before`.
pub async fn sweep(conn: &mut PgConnection, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query(
        "delete from sessions
         where expires_at < $1
            or ended_at < $1",
    )
    .bind(before)
    .execute(conn)
    .await?;
    Ok(swept.rows_affected())
}
