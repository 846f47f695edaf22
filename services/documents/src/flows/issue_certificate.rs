//! Issue the certificate of a finished enrolment, and keep the copies that it is worded with.

use bus::By;
use failpoint::failpoint;
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Id, Language};

use crate::{
    App, Error, announce,
    domain::{
        certificate::{Certificate, Completion, LEASE, Wording},
        id::{RunId, UserId},
    },
    flows::ACTOR,
    store::{self, holders::Holder},
};

/// Issues it once; nobody who was erased gets one. Works in the transaction of the event.
///
/// # Errors
///
/// [`Error::NotKnownYet`] of the learner or the run: both are announced before, but may arrive after.
pub async fn run(app: &App, conn: &mut PgConnection, completion: &Completion) -> Result<(), Error> {
    let holder = store::holders::lock(conn, completion.learner).await?;
    let (name, spoken) = match holder {
        None => return Err(Error::NotKnownYet(format!("learner {}", completion.learner))),
        Some(Holder::Erased) => {
            tracing::info!(enrolment = %completion.enrolment, "Nobody is left who could get a certificate.");
            return Ok(());
        }
        Some(Holder::Person { name, language }) => (name, language),
    };
    let run = store::holders::run(conn, completion.run).await?;
    let (title, language) = run.ok_or_else(|| Error::NotKnownYet(format!("run {}", completion.run)))?;
    let wording = Wording {
        prefix: &app.certificates.prefix,
        holder_name: &name,
        course_title: &title,
        // A course in a language that we have no template for is certified in that of the learner.
        language: Language::parse(&language).unwrap_or(spoken),
    };
    let now = app.clock.now();
    let (certificate, number) = Certificate::issued(completion, wording, Id::new(now), now);
    if !store::certificates::insert(conn, &certificate, &number).await? {
        return Ok(());
    }
    announce::certificate_issued(conn, &certificate, By { actor: ACTOR, now }).await?;
    failpoint!("issue_certificate.announced");
    metrics::counter!("certificates_total", "what" => "issued").increment(1);
    let Certificate { id, enrolment, .. } = &certificate;
    tracing::info!(certificate = %id, %enrolment, "Certificate {id} was issued.");
    Ok(())
}

/// Keeps a name that is newer than ours.
pub async fn keep_holder(
    conn: &mut PgConnection,
    user: UserId,
    name: &str,
    language: Language,
    version: i64,
) -> Result<(), Error> {
    Ok(store::holders::keep(conn, user, name, language, version).await?)
}

/// Keeps a title that is newer than ours.
pub async fn keep_run(
    conn: &mut PgConnection,
    run: RunId,
    title: &str,
    language: &str,
    version: i64,
) -> Result<(), Error> {
    Ok(store::holders::keep_run(conn, run, title, language, version).await?)
}

/// Forgets a name, here and on every certificate, and has the PDFs deleted.
pub async fn erase_holder(
    conn: &mut PgConnection,
    user: UserId,
    version: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    // First the copy: who issues at this moment has it locked, and what was issued is found by what follows.
    store::holders::erase(conn, user, version, now).await?;
    Ok(store::certificates::erase(conn, user, now + LEASE, now).await?)
}
