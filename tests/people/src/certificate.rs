//! What remains of a finished course: the certificate, its PDF, and the page to which its QR code leads.

use anyhow::{Result, ensure};
use proto::lyceum::documents::v1::certificate::State;
use proto::lyceum::documents::v1::{
    Certificate, CreateCertificateLinkRequest, DownloadLink, ListMyCertificatesRequest, ListMyCertificatesResponse,
};

use crate::{Outcome, Person, Seen};

impl Person {
    /// Waits for the newest certificate of a run, with its PDF.
    pub async fn certificate(&self, run_id: &str) -> Result<Certificate> {
        self.step("the certificate", async |me| {
            let printed = me.school.eventually("that the certificate is printed", async || {
                let mine: ListMyCertificatesResponse = me.call(&ListMyCertificatesRequest::default()).await?;
                Ok(match mine.certificates.into_iter().find(|one| one.run_id == run_id) {
                    Some(found) if found.state() == State::Printed => Seen::Yes(found),
                    Some(other) => Seen::NotYet(format!("it is in {}", other.state().as_str_name())),
                    None => Seen::NotYet("there is none".to_owned()),
                })
            });
            let certificate = printed.await?;
            let what = format!("{} for {}", certificate.number, certificate.holder_name());
            Ok(Outcome::new(certificate.clone()).note(what).with_id("certificateId", &certificate.certificate_id))
        })
        .await
    }

    /// Reads the PDF of a certificate from the object store.
    pub async fn read_pdf(&self, certificate: &Certificate) -> Result<()> {
        self.step("its PDF, from the object store", async |me| {
            let certificate_id = certificate.certificate_id.clone();
            let link: DownloadLink = me.call(&CreateCertificateLinkRequest { certificate_id }).await?;
            let pdf = me.school.http.get(link.url).send().await?.error_for_status()?.bytes().await?;
            ensure!(pdf.starts_with(b"%PDF-"), "what the link leads to is no PDF");
            Ok(Outcome::new(()).note(format!("{} kB", pdf.len() / 1024)))
        })
        .await
    }

    /// Opens the page by which anybody can check a certificate.
    pub async fn open_check_page(&self, certificate: &Certificate) -> Result<()> {
        self.step("its check page", async |me| {
            let address = &certificate.check_url;
            let page = me.school.http.get(address).send().await?.error_for_status()?.text().await?;
            for shown in [certificate.number.as_str(), certificate.holder_name(), &certificate.course_title] {
                ensure!(page.contains(shown), "{address} does not show {shown}");
            }
            Ok(Outcome::new(()).note(address))
        })
        .await
    }
}
