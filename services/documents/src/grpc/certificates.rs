//! Certificates: a learner's own, the check that is everybody's, and everybody's for those who manage them.

use contract::{Call, Page, Streamed, documents as asked, exported, show};
use proto::lyceum::documents::v1 as pb;

use super::{Door, EXPORTED_AT_ONCE, show};
use crate::{
    domain::{Certificate, Refusal, id::CertificateId, number::Key},
    error::{Error, Result},
    flows::{
        print_certificate,
        reissue_certificate::{self, Reissue},
        revoke_certificate,
    },
    store::certificates::{self, Filter},
};

/// Whose roles let them read and change everybody's certificates.
const MANAGE: &str = "certificates.manage";

impl Door {
    /// A certificate, if the caller may read it.
    async fn certificate(&self, call: &Call, id: CertificateId) -> Result<Certificate> {
        let me = call.person()?;
        let of = (!call.caller.has(MANAGE)).then_some(me);
        Ok(certificates::find(&mut *self.connection().await?, id, of).await?.ok_or(Refusal::CertificateNotFound)?)
    }

    fn shown(&self, certificate: Certificate) -> pb::Certificate {
        let check_url = self.0.certificates.check_url(&certificate.number);
        show::certificate(certificate, check_url)
    }
}

impl asked::CertificateService for Door {
    async fn list_my_certificates(&self, call: Call, ask: asked::ListMyCertificates) -> Result<Page<pb::Certificate>> {
        let me = call.person()?;
        let (after, filter) = (ask.page.after_of(me)?, Filter { learner: Some(me), ..Filter::default() });
        let found = certificates::list(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        Ok(ask.page.cut(found, |certificate| (me, certificate.id)).map(|certificate| self.shown(certificate)))
    }

    async fn get_certificate(&self, call: Call, ask: asked::GetCertificate) -> Result<pb::Certificate> {
        Ok(self.shown(self.certificate(&call, ask.certificate_id).await?))
    }

    async fn create_certificate_link(&self, call: Call, ask: asked::CreateCertificateLink) -> Result<pb::DownloadLink> {
        let certificate = self.certificate(&call, ask.certificate_id).await?;
        Ok(show(print_certificate::link(&self.0, &certificate)?))
    }

    async fn check_certificate(&self, _: Call, ask: asked::CheckCertificate) -> Result<pb::CertificateCheck> {
        // A number whose check character does not fit is nobody's; the database is not asked.
        let key = Key::parse(ask.number.as_str()).or(Err(Refusal::CertificateNumberMistyped))?;
        let found = certificates::of_number(&mut *self.connection().await?, &key).await?;
        let school = self.0.certificates.printer.school();
        Ok(show::check(found.ok_or(Refusal::CertificateNotFound)?, school))
    }

    async fn list_certificates(&self, _: Call, ask: asked::ListCertificates<Self>) -> Result<Page<pb::Certificate>> {
        let (after, learner) = (ask.page.after()?, ask.learner_id.map(|id| id.cast()));
        let (issued, order_by) = ((ask.issued_from, ask.issued_before), ask.order_by.unwrap_or_default());
        let filter = Filter { state: ask.state, learner, course: ask.course_id, issued, order_by };
        let found = certificates::list(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        Ok(ask.page.cut(found, |certificate| certificate.id).map(|certificate| self.shown(certificate)))
    }

    async fn revoke_certificate(&self, call: Call, ask: asked::RevokeCertificate<Self>) -> Result<pb::Certificate> {
        let (id, reason) = (ask.certificate_id, ask.reason.into());
        Ok(self.shown(revoke_certificate::run(&self.0, &call.actor(), id, reason).await?))
    }

    async fn reissue_certificate(&self, call: Call, ask: asked::ReissueCertificate) -> Result<pb::Certificate> {
        let key = call.required_key()?;
        let command = Reissue { certificate: ask.certificate_id, holder_name: ask.holder_name, language: ask.language };
        Ok(self.shown(reissue_certificate::run(&self.0, &call.actor(), &command, key).await?))
    }

    async fn export_certificates(
        &self,
        _: Call,
        ask: asked::ExportCertificates,
    ) -> Result<Streamed<pb::ExportedCertificate, Error>> {
        let key = |certificate: &Certificate| certificate.id;
        Ok(exported(&self.0, key, move |app, after| async move {
            let after = after.or(ask.after_certificate_id);
            Ok(certificates::export(&mut *app.db.acquire().await?, after, EXPORTED_AT_ONCE).await?)
        }))
    }
}
