//! Issue a certificate anew, such as under a corrected name.

use bus::By;
use pg::{Claim, Idempotent};
use values::{Id, Language, Text};

use crate::{
    App, Error, announce,
    domain::{
        Certificate, Refusal,
        certificate::{Reason, Wording},
        id::CertificateId,
    },
    store::{self, holders::Holder},
};

/// What is to be different.
#[derive(Clone)]
pub struct Reissue {
    pub certificate: CertificateId,
    /// None for the name in the holder's profile.
    pub holder_name: Option<Text<1, 200>>,
    /// None for the language as before.
    pub language: Option<Language>,
}

impl std::fmt::Debug for Reissue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reissue").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Issues the new one and voids its predecessor in one transaction. The same key again gives the same certificate.
pub async fn run(app: &App, actor: &str, command: &Reissue, key: &Idempotent) -> Result<Certificate, Error> {
    let now = app.clock.now();
    let by = By { actor, now };
    let new = pg::transaction(&app.db, async |conn| {
        if let Claim::Replay(id) = key.claim(conn, now).await? {
            let found = store::certificates::any(conn, Id::from_uuid(id)).await?;
            return Ok(found.ok_or(Refusal::CertificateNotFound)?);
        }
        // The holder first, as an erasure does: whoever locks in another order would wait for it for ever.
        let learner = store::certificates::any(conn, command.certificate).await?;
        let learner = learner.ok_or(Refusal::CertificateNotFound)?.learner;
        let holder = store::holders::lock(conn, learner).await?;
        let old = store::certificates::lock(conn, command.certificate).await?.ok_or(Refusal::CertificateNotFound)?;
        let name = match (&command.holder_name, &holder) {
            (_, Some(Holder::Erased)) => return Err(Refusal::CertificateErased.into()),
            (Some(name), _) => name.as_str(),
            (None, Some(Holder::Person { name, .. })) => name,
            (None, None) => &old.holder_name,
        };
        let wording = Wording {
            prefix: &app.certificates.prefix,
            holder_name: name,
            course_title: &old.course_title,
            language: command.language.unwrap_or(old.language),
        };
        let was_in_force = old.state.holds();
        let (old, new, number) = old.reissued(wording, Id::new(now), now)?;
        if !store::certificates::insert(conn, &new, &number).await? {
            return Err(Refusal::CertificateReplaced.into());
        }
        store::certificates::void(conn, &old).await?;
        // That one which was revoked is void was announced then.
        if was_in_force {
            announce::certificate_revoked(conn, &old, Reason::Reissued, by).await?;
        }
        announce::certificate_issued(conn, &new, by).await?;
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
