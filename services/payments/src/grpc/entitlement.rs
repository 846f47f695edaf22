//! EntitlementService at the door: one's own entitlements, and everybody's for copies that are rebuilt.

use std::sync::Arc;

use futures::{StreamExt, stream, stream::BoxStream};
use proto::lyceum::payments::v1::{
    ExportEntitlementsRequest, ExportEntitlementsResponse, ListMyEntitlementsRequest, ListMyEntitlementsResponse,
    entitlement_service_server::EntitlementService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use values::Page;

use super::{
    connection, me, print,
    read::{self, Paging},
};
use crate::{
    App, Error,
    domain::{Entitlement, EntitlementId, UserId},
    store,
};

/// Rows that an export holds in memory.
const EXPORTED_AT_ONCE: i64 = 500;

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl EntitlementService for Door {
    async fn list_my_entitlements(
        &self,
        request: Request<ListMyEntitlementsRequest>,
    ) -> Result<Response<ListMyEntitlementsResponse>, Status> {
        let learner = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let paging =
            read::paging::<EntitlementId>(&mut fields, "ListMyEntitlements", &[&learner], m.page_size, &m.page_token);
        let (Paging { size, scope, after },) = fields.finish((paging,))?;

        let mut conn = connection(&self.0).await?;
        let rows = store::entitlement::list(&mut conn, learner, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |entitlement| entitlement.id).map(print::entitlement);
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListMyEntitlementsResponse { entitlements: page.items, next_page_token }))
    }

    type ExportEntitlementsStream = BoxStream<'static, Result<ExportEntitlementsResponse, Status>>;

    async fn export_entitlements(
        &self,
        _request: Request<ExportEntitlementsRequest>,
    ) -> Result<Response<Self::ExportEntitlementsStream>, Status> {
        let app = Arc::clone(&self.0);
        let pages = stream::try_unfold(Some(None), move |next| export(Arc::clone(&app), next));
        let all = pages.flat_map(|page| match page {
            Ok(page) => stream::iter(page.into_iter().map(exported).map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(Status::from(error))]),
        });
        Ok(Response::new(all.boxed()))
    }
}

type After = Option<(UserId, EntitlementId)>;

/// The page after a row, and where the next one begins; nothing after a page that was not full.
async fn export(app: Arc<App>, next: Option<After>) -> Result<Option<(Vec<Entitlement>, Option<After>)>, Error> {
    let Some(after) = next else { return Ok(None) };
    let mut conn = connection(&app).await?;
    let page = store::entitlement::export(&mut conn, after, EXPORTED_AT_ONCE).await?;
    let full = i64::try_from(page.len()) == Ok(EXPORTED_AT_ONCE);
    let last = page.last().filter(|_| full).map(|last| Some((last.learner, last.id)));
    Ok(Some((page, last)))
}

fn exported(entitlement: Entitlement) -> ExportEntitlementsResponse {
    let version = entitlement.version;
    ExportEntitlementsResponse { entitlement: Some(print::entitlement(entitlement)), version }
}
