//! WebhookService at the door: the gateway hands in what a provider sent, byte for byte.

use std::sync::Arc;

use proto::lyceum::payments::v1::{
    ReceiveWebhookRequest, ReceiveWebhookResponse, webhook_service_server::WebhookService,
};
use tonic::{Request, Response, Status};

use crate::{
    App,
    flows::hear_webhook::{self, Webhook},
};

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl WebhookService for Door {
    async fn receive_webhook(
        &self,
        request: Request<ReceiveWebhookRequest>,
    ) -> Result<Response<ReceiveWebhookResponse>, Status> {
        let actor = auth::caller(&request).actor();
        let m = request.into_inner();
        let webhook = Webhook {
            provider: m.provider,
            body: m.body,
            headers: m.headers.into_iter().collect(),
            address: m.address.chars().take(64).collect(),
        };
        let reply = hear_webhook::hear_webhook(&self.0, &actor, &webhook).await?;
        Ok(Response::new(ReceiveWebhookResponse {
            status: i32::from(reply.status),
            content_type: reply.content_type.to_owned(),
            body: reply.body.to_vec(),
        }))
    }
}
