//! The door: questions become spans of days and values, values become messages. SQL and sums are elsewhere.

mod export;
mod read;
mod report;

use std::sync::Arc;

use proto::lyceum::analytics::v1::report_service_server::ReportServiceServer;
use tonic::service::Routes;

use crate::app::App;

pub use export::{Export, Wanted};

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(ReportServiceServer::new(report::Door(app)))
}
