//! Declare a certificate void.

use auth::Caller;

use crate::{
    App, Error,
    domain::{
        certificate::{Certificate, Reason},
        id::CertificateId,
    },
    events, store,
};

/// Declares it void and announces it; what is void already stays as it is.
pub async fn revoke_certificate(
    app: &App,
    caller: &Caller,
    id: CertificateId,
    reason: Reason,
) -> Result<Certificate, Error> {
    let (now, actor) = (app.clock.now(), caller.actor());
    let (certificate, changed) = pg::transaction(&app.db, async |conn| {
        let certificate = store::certificates::lock(conn, id).await?.ok_or(Error::CertificateNotFound)?;
        let Some(revoked) = certificate.revoked(reason, now) else { return Ok((certificate, false)) };
        store::certificates::void(conn, &revoked).await?;
        events::certificate_revoked(conn, &revoked, reason, &actor, now).await?;
        Ok::<_, Error>((revoked, true))
    })
    .await?;
    if changed {
        metrics::counter!("certificates_total", "what" => "revoked").increment(1);
        tracing::info!(certificate = %id, reason = reason.as_str(), by = actor, "Certificate {id} was revoked.");
    }
    Ok(certificate)
}
