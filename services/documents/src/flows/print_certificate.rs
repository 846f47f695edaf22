//! Make the PDFs of certificates: claim in one statement, print and store outside of any transaction, remember in
//! another.
//!
//! A printer that dies in between prints again after its lease; the bytes are the same, so that nobody can tell.

use failpoint::failpoint;

use crate::{
    App, Error,
    bucket::{Link, Reading},
    domain::{
        Certificate, Refusal,
        certificate::{LEASE, STORING, next_try},
        id::CertificateId,
    },
    print::Snapshot,
    store::certificates,
};

/// How many PDFs are deleted at once.
const AT_ONCE: i64 = 100;
/// How long a link to a PDF works.
const LINK_WORKS: std::time::Duration = std::time::Duration::from_secs(600);

/// Prints one certificate that is due. Says whether there was one.
pub async fn run(app: &App) -> Result<bool, Error> {
    let now = app.clock.now();
    let mut conn = app.db.acquire().await?;
    let claimed = certificates::claim(&mut conn, now + LEASE, now).await?;
    // Nothing is locked while the object store is spoken to.
    drop(conn);
    let Some((certificate, attempts)) = claimed else { return Ok(false) };
    failpoint!("print_certificate.claimed");
    let id = certificate.id;
    let stored = store(app, &certificate).await;
    let mut conn = app.db.acquire().await?;
    match stored {
        Ok(()) => {
            failpoint!("print_certificate.stored");
            if certificates::printed(&mut conn, id).await? {
                failpoint!("print_certificate.committed");
                metrics::counter!("certificates_total", "what" => "printed").increment(1);
                let waited = std::time::Duration::try_from(app.clock.now() - certificate.issued_at);
                metrics::histogram!("certificate_print_seconds").record(waited.unwrap_or_default());
                tracing::info!(certificate = %id, "Certificate {id} was printed.");
            }
        }
        Err(error) => {
            tracing::warn!(certificate = %id, error = format!("{error:#}"), "Certificate {id} is printed later.");
            let next = next_try(attempts.unsigned_abs(), app.clock.now());
            certificates::postpone(&mut conn, id, attempts, next).await?;
        }
    }
    Ok(true)
}

/// Prints a certificate and puts its PDF into the object store.
async fn store(app: &App, certificate: &Certificate) -> anyhow::Result<()> {
    let snapshot = Snapshot {
        number: certificate.number.clone(),
        holder_name: certificate.holder_name.clone(),
        course_title: certificate.course_title.clone(),
        language: certificate.language,
        completed_at: certificate.completed_at,
        issued_at: certificate.issued_at,
        check_url: app.certificates.check_url(&certificate.number),
    };
    let pdf = app.certificates.printer.print(&snapshot)?;
    let key = Certificate::object(certificate.id);
    tokio::time::timeout(STORING, app.bucket.put(&key, "application/pdf", pdf)).await??;
    Ok(())
}

/// Deletes PDFs of erased people. One that cannot be deleted now is found again the next time, and holds no other up.
pub async fn unprint(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let due = certificates::to_unprint(&mut *app.db.acquire().await?, now, AT_ONCE).await?;
    let mut failed = None;
    for id in due {
        match delete(app, id).await {
            Ok(()) => tracing::info!(certificate = %id, "The PDF of certificate {id} was deleted."),
            Err(error) => failed = Some(error.context(format!("the PDF of certificate {id} cannot be deleted"))),
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

async fn delete(app: &App, id: CertificateId) -> anyhow::Result<()> {
    tokio::time::timeout(STORING, app.bucket.delete(&Certificate::object(id))).await??;
    Ok(certificates::unprinted(&mut *app.db.acquire().await?, id).await?)
}

/// Signs a link to the PDF of a certificate, which only ever leads to the store itself: it bears a name.
pub fn link(app: &App, certificate: &Certificate) -> Result<Link, Refusal> {
    certificate.readable()?;
    let now = app.clock.now();
    let reading = Reading {
        content_type: "application/pdf".to_owned(),
        // A number is letters, digits and hyphens.
        disposition: format!("attachment; filename=\"{}.pdf\"", certificate.number),
    };
    Ok(app.bucket.link(&Certificate::object(certificate.id), &reading, LINK_WORKS, now))
}
