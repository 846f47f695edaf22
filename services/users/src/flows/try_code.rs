//! A part of several verbs: somebody typed a code.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        code::{Code, Purpose, Verdict},
        id::UserId,
    },
    error::Result,
    store,
    vault::Vault,
};

/// What came of it. A wrong code is no error of the transaction: the try has to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// Right, and used up by this.
    Right,
    /// Right, and used up before.
    RightBefore,
    /// Anything else.
    Invalid,
}

/// Tries a code of a user, whose row is locked.
pub(super) async fn try_code(
    app: &App,
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    code: &Code,
    now: OffsetDateTime,
) -> Result<Tried> {
    let Some(issued) = store::codes::lock(conn, user, purpose).await? else { return Ok(Tried::Invalid) };
    let same = Vault::same(&issued.fingerprint, &app.vault.code_fingerprint(user, purpose, code));
    match issued.tried(same, now) {
        Verdict::Right(used) => {
            store::codes::tried(conn, user, purpose, &used).await?;
            Ok(Tried::Right)
        }
        Verdict::RightBefore => Ok(Tried::RightBefore),
        Verdict::Wrong(tried) => {
            store::codes::tried(conn, user, purpose, &tried).await?;
            Ok(Tried::Invalid)
        }
        Verdict::Dead => Ok(Tried::Invalid),
    }
}
