//! A person agrees to a version of a text.

use pg::{Claim, Idempotent};

use super::Me;
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        consent::{Consent, Document},
        id::ConsentId,
    },
    error::Result,
    store,
};

#[derive(Debug, Clone)]
pub struct GiveConsent {
    pub document: Document,
    pub idempotent: Option<Idempotent>,
}

pub async fn run(app: &App, by: &Requester, me: Me, command: GiveConsent) -> Result<Consent> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(idempotent) = &command.idempotent
            && let Claim::Replay(consent) = idempotent.claim(conn, now).await?
        {
            let given = store::consents::find(conn, me.user, ConsentId::from_uuid(consent)).await?;
            return Ok(given.ok_or(Refusal::ConsentNotFound)?);
        }
        store::users::lock(conn, me.user).await?.ok_or(Refusal::UserNotFound)?.person()?.may_enter()?;
        let document = &command.document;
        let given = Consent { id: ConsentId::new(now), document: document.clone(), given_at: now, withdrawn_at: None };
        let consent = if store::consents::give(conn, by, me.user, &given).await? {
            let details = [("document", document.name.to_string()), ("version", document.version.as_str().to_owned())];
            store::audit::append(conn, by, Action::ConsentGiven, Some(me.user), &details, now).await?;
            given
        } else {
            store::consents::standing(conn, me.user, document).await?.ok_or(Refusal::ConsentNotFound)?
        };
        if let Some(idempotent) = &command.idempotent {
            idempotent.record(conn, consent.id.uuid(), now).await?;
        }
        Ok(consent)
    })
    .await
}
