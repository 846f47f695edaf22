//! Declare a certificate void.

use bus::By;

use crate::{
    App, Error, announce,
    domain::{Certificate, Refusal, certificate::Reason, id::CertificateId},
    store,
};

/// Declares it void and announces it; what is void already stays as it is.
pub async fn run(app: &App, actor: &str, id: CertificateId, reason: Reason) -> Result<Certificate, Error> {
    let now = app.clock.now();
    let (certificate, changed) = pg::transaction(&app.db, async |conn| {
        let certificate = store::certificates::lock(conn, id).await?.ok_or(Refusal::CertificateNotFound)?;
        let Some(revoked) = certificate.revoked(reason, now) else { return Ok((certificate, false)) };
        store::certificates::void(conn, &revoked).await?;
        announce::certificate_revoked(conn, &revoked, reason, By { actor, now }).await?;
        Ok::<_, Error>((revoked, true))
    })
    .await?;
    if changed {
        metrics::counter!("certificates_total", "what" => "revoked").increment(1);
        tracing::info!(certificate = %id, reason = reason.as_str(), by = actor, "Certificate {id} was revoked.");
    }
    Ok(certificate)
}
