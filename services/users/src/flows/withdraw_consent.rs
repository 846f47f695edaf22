//! A person withdraws a consent; the record stays. Withdrawing twice changes nothing.

use super::Me;
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        consent::Consent,
        id::ConsentId,
    },
    error::Result,
    store,
};

pub async fn run(app: &App, by: &Requester, me: Me, consent: ConsentId) -> Result<Consent> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let withdrawn = store::consents::withdraw(conn, me.user, consent, now).await?;
        let consent = store::consents::find(conn, me.user, consent).await?.ok_or(Refusal::ConsentNotFound)?;
        if withdrawn {
            let Consent { document, .. } = &consent;
            let details = [("document", document.name.to_string()), ("version", document.version.as_str().to_owned())];
            store::audit::append(conn, by, Action::ConsentWithdrawn, Some(me.user), &details, now).await?;
        }
        Ok(consent)
    })
    .await
}
