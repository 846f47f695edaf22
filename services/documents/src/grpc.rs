//! The door: requests become calls of flows and reads, values become messages. Rules, SQL and transactions are
//! elsewhere.

mod certificates;
mod files;
mod papers;
mod show;

use std::sync::Arc;

use contract::documents as asked;
use sqlx::{Postgres, pool::PoolConnection};
use tonic::service::Routes;

use crate::{
    app::App,
    domain::{case, certificate, file, paper},
    error::{Error, Result},
};

/// Rows that an export holds in memory.
const EXPORTED_AT_ONCE: i64 = 500;

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    let door = Arc::new(Door(app));
    Routes::new(asked::upload_service(Arc::clone(&door)))
        .add_service(asked::file_service(Arc::clone(&door)))
        .add_service(asked::certificate_service(Arc::clone(&door)))
        .add_service(asked::tutor_paper_service(Arc::clone(&door)))
        .add_service(asked::verification_service(door))
}

impl asked::Types for Door {
    type Error = Error;
    type CertificateReason = certificate::Ground;
    type CertificateState = certificate::StateName;
    type Day = paper::Day;
    type FileKind = file::Kind;
    type FileName = file::FileName;
    type ListCertificatesOrderBy = certificate::OrderBy;
    type ListVerificationCasesOrderBy = case::OrderBy;
    type PaperKind = paper::PaperKind;
    type PaperReason = paper::Reason;
    type Sha256 = file::Sha256;
    type VerificationCaseState = case::StateName;
}

impl Door {
    async fn connection(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.db.acquire().await?)
    }
}
