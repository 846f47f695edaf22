//! CertificateService at the door.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use proto::lyceum::documents::v1::{
    Certificate as Shown, CertificateCheck, CheckCertificateRequest, CreateCertificateLinkRequest, DownloadLink,
    ExportCertificatesRequest, ExportedCertificate, GetCertificateRequest, ListCertificatesRequest,
    ListCertificatesResponse, ListMyCertificatesRequest, ListMyCertificatesResponse, ReissueCertificateRequest,
    RevokeCertificateRequest, certificate, certificate_service_server::CertificateService,
};
use rpc::{Fields, Invalid};
use tonic::{Request, Response, Status};
use values::{Language, Page, Text};

use super::{connection, me, optional_key, read};
use crate::{
    App, Error,
    domain::{
        certificate::{Certificate, Reason, State},
        id::{CertificateId, UserId},
        number::Key,
    },
    flows::{
        print_certificate,
        reissue_certificate::{self, Reissue},
        revoke_certificate,
    },
    store::certificates,
};

pub(super) struct Door(pub(super) Arc<App>);

/// Whose roles let them read and change everybody's certificates.
const MANAGE: &str = "certificates.manage";

/// Certificates that are read at once for an export.
const EXPORTED_AT_ONCE: i64 = 500;

/// Whose certificates the caller may read: none for everybody's.
fn scope<T>(request: &Request<T>) -> Result<Option<UserId>, Status> {
    let me = me(request)?;
    Ok((!auth::caller(request).has(MANAGE)).then_some(me))
}

impl Door {
    fn show(&self, certificate: &Certificate) -> Shown {
        show(certificate, self.0.certificates.check_url(&certificate.number))
    }

    /// A certificate, if the caller may read it.
    async fn readable<T>(&self, request: &Request<T>, text: &str) -> Result<Certificate, Status> {
        let of = scope(request)?;
        let id = read::id("certificate_id", text)?;
        let mut conn = connection(&self.0).await?;
        let found = certificates::find(&mut conn, id, of).await?;
        Ok(found.ok_or(Error::CertificateNotFound)?)
    }
}

#[tonic::async_trait]
impl CertificateService for Door {
    async fn list_my_certificates(
        &self,
        request: Request<ListMyCertificatesRequest>,
    ) -> Result<Response<ListMyCertificatesResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let paging =
            read::paging::<CertificateId>(&mut fields, "ListMyCertificates", &[&me], m.page_size, &m.page_token);
        let (read::Paging { size, scope, after },) = fields.finish((paging,))?;
        let mut conn = connection(&self.0).await?;
        let rows = certificates::newest(&mut conn, Some(me), None, after, size.fetch()).await?;
        let page = Page::cut(rows, size, &scope, |row| row.id).map(|row| self.show(&row));
        Ok(Response::new(ListMyCertificatesResponse { certificates: page.items, next_page_token: page.next }))
    }

    async fn get_certificate(&self, request: Request<GetCertificateRequest>) -> Result<Response<Shown>, Status> {
        let certificate = self.readable(&request, &request.get_ref().certificate_id).await?;
        Ok(Response::new(self.show(&certificate)))
    }

    async fn create_certificate_link(
        &self,
        request: Request<CreateCertificateLinkRequest>,
    ) -> Result<Response<DownloadLink>, Status> {
        let certificate = self.readable(&request, &request.get_ref().certificate_id).await?;
        let link = print_certificate::link(&self.0, &certificate).map_err(Error::from)?;
        Ok(Response::new(DownloadLink { url: link.url, expires_at: Some(link.expires_at.into()) }))
    }

    async fn check_certificate(
        &self,
        request: Request<CheckCertificateRequest>,
    ) -> Result<Response<CertificateCheck>, Status> {
        // A number whose check character does not fit is nobody's; the database is not asked.
        let key = Key::parse(&request.get_ref().number).map_err(|_| Error::CertificateNumberMistyped)?;
        let mut conn = connection(&self.0).await?;
        let found = certificates::of_number(&mut conn, &key).await?;
        let (certificate, successor_number, predecessor_number) = found.ok_or(Error::CertificateNotFound)?;
        Ok(Response::new(CertificateCheck {
            valid: certificate.state.holds(),
            revoked_at: certificate.state.voided().map(|(at, _)| at.into()),
            completed_at: Some(certificate.completed_at.into()),
            issued_at: Some(certificate.issued_at.into()),
            number: certificate.number,
            holder_name: read::given(&certificate.holder_name).map(str::to_owned),
            course_title: certificate.course_title,
            successor_number: read::given(&successor_number).map(str::to_owned),
            predecessor_number: read::given(&predecessor_number).map(str::to_owned),
            school: self.0.certificates.printer.school().to_owned(),
            language: certificate.language.as_str().to_owned(),
        }))
    }

    async fn list_certificates(
        &self,
        request: Request<ListCertificatesRequest>,
    ) -> Result<Response<ListCertificatesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let learner = read::id_if(&mut fields, "learner_id", &m.learner_id);
        let course = read::id_if(&mut fields, "course_id", &m.course_id);
        let paging = read::paging::<CertificateId>(
            &mut fields,
            "ListCertificates",
            &[&m.learner_id, &m.course_id],
            m.page_size,
            &m.page_token,
        );
        let (learner, course, read::Paging { size, scope, after }) = fields.finish((learner, course, paging))?;
        let mut conn = connection(&self.0).await?;
        let rows = certificates::newest(&mut conn, learner, course, after, size.fetch()).await?;
        let page = Page::cut(rows, size, &scope, |row| row.id).map(|row| self.show(&row));
        Ok(Response::new(ListCertificatesResponse { certificates: page.items, next_page_token: page.next }))
    }

    async fn revoke_certificate(&self, request: Request<RevokeCertificateRequest>) -> Result<Response<Shown>, Status> {
        let caller = auth::caller(&request).clone();
        let m = request.into_inner();
        let mut fields = Fields::new();
        let id = fields.take("certificate_id", m.certificate_id.parse());
        let reason = fields.take("reason", Reason::parse(&m.reason));
        let (id, reason) = fields.finish((id, reason))?;
        let revoked = revoke_certificate::revoke_certificate(&self.0, &caller, id, reason).await?;
        Ok(Response::new(self.show(&revoked)))
    }

    async fn reissue_certificate(
        &self,
        request: Request<ReissueCertificateRequest>,
    ) -> Result<Response<Shown>, Status> {
        let caller = auth::caller(&request).clone();
        let key = optional_key(&request, "CertificateService/ReissueCertificate")?
            .ok_or_else(|| Invalid::field("idempotency_key", "is required"))?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let certificate = fields.take("certificate_id", m.certificate_id.parse());
        let name = fields.take_if("holder_name", m.holder_name.as_deref().map(Text::<1, 200>::parse));
        let language = fields.take_if("language", m.language.as_deref().map(str::parse::<Language>));
        let (certificate, name, language) = fields.finish((certificate, name, language))?;
        let holder_name = name.map(|name| name.as_str().to_owned());
        let command = Reissue { certificate, holder_name, language };
        let new = reissue_certificate::reissue_certificate(&self.0, &caller, &command, &key).await?;
        Ok(Response::new(self.show(&new)))
    }

    type ExportCertificatesStream = BoxStream<'static, Result<ExportedCertificate, Status>>;

    async fn export_certificates(
        &self,
        request: Request<ExportCertificatesRequest>,
    ) -> Result<Response<Self::ExportCertificatesStream>, Status> {
        let mut fields = Fields::new();
        let after = read::id_if(&mut fields, "after_certificate_id", &request.get_ref().after_certificate_id);
        let (after,) = fields.finish((after,))?;
        let app = Arc::clone(&self.0);
        let batches = stream::try_unfold(Some(after), move |from: Option<Option<CertificateId>>| {
            let app = Arc::clone(&app);
            async move {
                let Some(after) = from else { return Ok::<_, Status>(None) };
                let mut conn = connection(&app).await?;
                let batch = certificates::export(&mut conn, after, EXPORTED_AT_ONCE).await?;
                let next = batch.last().map(|last| Some(last.id));
                Ok(Some((stream::iter(batch.into_iter().map(Ok)), next)))
            }
        });
        Ok(Response::new(batches.try_flatten().map_ok(exported).boxed()))
    }
}

fn show(certificate: &Certificate, check_url: String) -> Shown {
    let voided = certificate.state.voided();
    Shown {
        certificate_id: certificate.id.to_string(),
        number: certificate.number.clone(),
        learner_id: certificate.learner.to_string(),
        holder_name: read::given(&certificate.holder_name).map(str::to_owned),
        course_id: certificate.course.to_string(),
        run_id: certificate.run.to_string(),
        enrolment_id: certificate.enrolment.to_string(),
        course_title: certificate.course_title.clone(),
        course_version: certificate.course_version,
        language: certificate.language.as_str().to_owned(),
        state: state(certificate.state).into(),
        completed_at: Some(certificate.completed_at.into()),
        issued_at: Some(certificate.issued_at.into()),
        revoked_at: voided.map(|(at, _)| at.into()),
        revoked_reason: voided.map(|(_, reason)| reason.as_str().to_owned()),
        check_url,
        predecessor_id: certificate.predecessor.map(|id| id.to_string()),
        successor_id: certificate.state.successor().map(|id| id.to_string()),
    }
}

fn exported(certificate: Certificate) -> ExportedCertificate {
    ExportedCertificate {
        certificate_id: certificate.id.to_string(),
        learner_id: certificate.learner.to_string(),
        course_id: certificate.course.to_string(),
        run_id: certificate.run.to_string(),
        enrolment_id: certificate.enrolment.to_string(),
        valid: certificate.state.holds(),
        issued_at: Some(certificate.issued_at.into()),
        revoked_at: certificate.state.voided().map(|(at, _)| at.into()),
        predecessor_id: certificate.predecessor.map(|id| id.to_string()),
        version: certificate.version,
    }
}

fn state(state: State) -> certificate::State {
    match state {
        State::Issued => certificate::State::Issued,
        State::Printed => certificate::State::Printed,
        State::Revoked { .. } => certificate::State::Revoked,
        State::Replaced { .. } => certificate::State::Replaced,
    }
}
