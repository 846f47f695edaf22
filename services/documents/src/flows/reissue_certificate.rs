//! Issue a certificate anew, such as under a corrected name.

use auth::Caller;
use pg::{Claim, Idempotent};
use values::{Id, Language};

use crate::{
    App, Error,
    domain::{
        certificate::{Certificate, Reason, Refused, Wording},
        id::CertificateId,
    },
    events,
    store::{self, certificates::PREDECESSOR_KEY, holders::Holder},
};

/// What is to be different.
#[derive(Clone)]
pub struct Reissue {
    pub certificate: CertificateId,
    /// None for the name in the holder's profile.
    pub holder_name: Option<String>,
    /// None for the language as before.
    pub language: Option<Language>,
}

impl std::fmt::Debug for Reissue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reissue").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Issues the new one and voids its predecessor in one transaction. The same key again gives the same certificate.
pub async fn reissue_certificate(
    app: &App,
    caller: &Caller,
    command: &Reissue,
    key: &Idempotent,
) -> Result<Certificate, Error> {
    let (now, actor) = (app.clock.now(), caller.actor());
    let new = pg::transaction(&app.db, async |conn| {
        if let Claim::Replay(id) = key.claim(conn, now).await? {
            let found = store::certificates::find(conn, Id::from_uuid(id), None).await?;
            return found.ok_or(Error::CertificateNotFound);
        }
        // The holder first, as an erasure does: whoever locks in another order would wait for it for ever.
        let learner = store::certificates::find(conn, command.certificate, None).await?;
        let learner = learner.ok_or(Error::CertificateNotFound)?.learner;
        let holder = store::holders::lock(conn, learner).await?;
        let old = store::certificates::lock(conn, command.certificate).await?.ok_or(Error::CertificateNotFound)?;
        let name = match (&command.holder_name, &holder) {
            (_, Some(Holder::Erased)) => return Err(Refused::Erased.into()),
            (Some(name), _) | (None, Some(Holder::Person { name, .. })) => name,
            (None, None) => &old.holder_name,
        };
        let wording = Wording {
            prefix: &app.certificates.prefix,
            holder_name: name,
            course_title: &old.course_title,
            language: command.language.unwrap_or(old.language),
        };
        let held = old.state.holds();
        let (old, new, number) = old.reissued(wording, Id::new(now), now)?;
        store::certificates::insert(conn, &new, &number).await.map_err(replaced_before)?;
        store::certificates::void(conn, &old).await?;
        // That one which was revoked is void was announced then.
        if held {
            events::certificate_revoked(conn, &old, Reason::Reissued, &actor, now).await?;
        }
        events::certificate_issued(conn, &new, &actor, now).await?;
        key.record(conn, new.id.uuid(), now).await?;
        Ok::<_, Error>(new)
    })
    .await?;
    metrics::counter!("certificates_total", "what" => "reissued").increment(1);
    tracing::info!(
        certificate = %new.id, by = actor, "Certificate {} was issued anew as {}.", command.certificate, new.id
    );
    Ok(new)
}

fn replaced_before(error: sqlx::Error) -> Error {
    if pg::violated(&error, PREDECESSOR_KEY) { Refused::Replaced.into() } else { error.into() }
}
