//! A part of several verbs: a new code replaces the older one and waits to be sent.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    announce,
    app::App,
    domain::{
        audit::{Action, Requester},
        code::{IssuedCode, Purpose},
        user::User,
    },
    error::Result,
    store,
};

/// Issues a code and says until when it works.
pub(super) async fn issue_code(
    app: &App,
    conn: &mut PgConnection,
    by: &Requester,
    user: &User,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<OffsetDateTime> {
    let code = app.vault.new_code()?;
    let issued = IssuedCode::issue(app.vault.code_fingerprint(user.id, purpose, &code), now);
    store::codes::issue(conn, user.id, purpose, &issued, now).await?;
    let details = [("purpose", purpose.as_str().to_owned())];
    store::audit::append(conn, by, Action::CodeSent, Some(user.id), &details, now).await?;
    announce::code_issued(conn, user, purpose, (&code, issued.expires_at), by, now).await?;
    Ok(issued.expires_at)
}
