//! Who is let in: the token, the limits, and what the contract says about access. Everything here happens before a body
//! is read.

use auth::{CallerToken, Person, Refused};
use http::{HeaderMap, StatusCode};
use proto::Access;

use crate::{app::App, origin::Visitor, problem::Problem};

/// A signed-in person and the token that proves it.
pub struct SignedIn {
    pub person: Person,
    pub token: CallerToken,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Who may have it.
    pub access: Access,
    /// Whether passwords or codes could be guessed with it.
    pub guessable: bool,
}

/// Lets a request in, or not.
pub async fn admit(app: &App, headers: &HeaderMap, visitor: &Visitor, wish: Wish) -> Result<Option<SignedIn>, Problem> {
    let told = identify(app, headers).await;
    match &told {
        Ok(Some(signed_in)) => app.limits.caller(visitor, signed_in.person.user).await?,
        // Whoever shows a bad token is counted like whoever shows none, so that tokens cannot be guessed for nothing.
        Ok(None) | Err(_) => app.limits.address(visitor).await?,
    }
    let signed_in = match (wish.access, told) {
        // What is open to everybody is open to somebody with a stale token as well: they may be here to get a new one.
        (Access::Public, Err(_)) => None,
        (_, told) => told?,
    };
    if wish.guessable {
        app.limits.sign_in(visitor).await?;
    }
    match (wish.access, &signed_in) {
        (Access::Public, _) | (Access::SignedIn, Some(_)) => Ok(signed_in),
        (Access::Permission(needed), Some(who)) if who.person.has(needed) => Ok(signed_in),
        (Access::Permission(_), Some(_)) => Err(Problem::refused(&Refused::PermissionDenied)),
        (Access::SignedIn | Access::Permission(_), None) => Err(Problem::refused(&Refused::SignInRequired)),
        // The contract refuses to give such an rpc an address.
        (Access::ServiceOnly, _) => Err(Problem::refused(&Refused::ServiceOnly)),
    }
}

async fn identify(app: &App, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
    let token = auth::bearer(headers).map_err(|refused| Problem::refused(&refused))?;
    let Some(token) = token else { return Ok(None) };
    let person = app.verifier.person(token).await.map_err(|refused| Problem::refused(&refused))?;
    if app.revoked.contains(person.session) {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "SESSION_REVOKED",
            "This session has ended: sign in again.",
        ));
    }
    // A token that was verified is made of letters that fit a header.
    Ok(CallerToken::new(token).map(|token| SignedIn { person, token }))
}
