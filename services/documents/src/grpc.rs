//! The door: messages become commands, values become messages. Rules, SQL and transactions are elsewhere.

mod certificate;
mod file;
mod print;
mod print_case;
mod read;
mod tutor_paper;
mod upload;
mod verification;

use std::sync::Arc;

use pg::Idempotent;
use prost::Message;
use proto::lyceum::documents::v1::{
    certificate_service_server::CertificateServiceServer, tutor_paper_service_server::TutorPaperServiceServer,
    upload_service_server::UploadServiceServer,
};
use sqlx::{Postgres, pool::PoolConnection};
use tonic::{Request, Status, service::Routes};
use values::Id;

use crate::{
    App, Error,
    domain::{
        case::StateName,
        certificate::Reason as CertificateReason,
        file::{FileName, Kind, Sha256},
        id::UserId,
        paper::{Day, PaperKind, Reason},
    },
};

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

impl contract::documents::Types for Door {
    type Error = Error;
    type CertificateReason = CertificateReason;
    type Day = Day;
    type FileKind = Kind;
    type FileName = FileName;
    type PaperKind = PaperKind;
    type PaperReason = Reason;
    type Sha256 = Sha256;
    type VerificationCaseState = StateName;
}

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(UploadServiceServer::new(upload::Door(Arc::clone(&app))))
        .add_service(contract::documents::file_service(Arc::new(Door(Arc::clone(&app)))))
        .add_service(CertificateServiceServer::new(certificate::Door(Arc::clone(&app))))
        .add_service(TutorPaperServiceServer::new(tutor_paper::Door(Arc::clone(&app))))
        .add_service(contract::documents::verification_service(Arc::new(Door(app))))
}

/// The signed-in person.
fn me<T>(request: &Request<T>) -> Result<UserId, Status> {
    Ok(Id::from_uuid(auth::caller(request).person()?.user))
}

/// A connection to read with.
async fn connection(app: &App) -> Result<PoolConnection<Postgres>, Error> {
    Ok(app.db.acquire().await?)
}

/// The idempotency key that may come with a request.
fn optional_key<T: Message>(request: &Request<T>, rpc: &'static str) -> Result<Option<Idempotent>, Status> {
    let actor = auth::caller(request).actor();
    let key = rpc::idempotency_key(request)?;
    Ok(key.map(|key| Idempotent::of(&actor, rpc, key, request.get_ref())))
}

#[cfg(test)]
mod tests {
    use proto::lyceum::documents::v1 as pb;

    use super::*;

    #[test]
    fn the_contract_and_the_domain_have_the_same_names() {
        contract::same_names::<pb::file::Kind, Kind>().unwrap();
        contract::same_names::<pb::PaperKind, PaperKind>().unwrap();
        contract::same_names::<pb::verification_case::State, StateName>().unwrap();
    }
}
