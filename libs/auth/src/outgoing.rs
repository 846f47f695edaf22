//! Calling a neighbour: as oneself, or on behalf of the person who asked.

use crate::{AUTHORIZATION, CallerToken, ServiceIdentity, VIA, names::owner};
use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use tonic::{GrpcMethod, Request, Status, service::Interceptor, service::interceptor::InterceptedService};

/// What a client of a neighbour is built over: `UserServiceClient::new(outgoing.over(channel))`.
pub type Channel = InterceptedService<rpc::client::Channel, Outgoing>;

/// Proves to a neighbour who asks and through whom, and carries the request's id, the trace and the remaining time.
/// An interceptor for generated clients; clones are cheap.
#[derive(Debug, Clone)]
pub struct Outgoing {
    identity: Arc<ServiceIdentity>,
    speaks: Speaks,
}

#[derive(Debug, Clone)]
enum Speaks {
    AsService,
    OnBehalf(Option<CallerToken>),
}

impl Outgoing {
    /// The service asks by itself, unless a request was marked with [`on_behalf`].
    pub fn as_service(identity: Arc<ServiceIdentity>) -> Self {
        Self { identity, speaks: Speaks::AsService }
    }

    /// The service asks for a person, or for somebody who is not signed in (`None`); a request that was marked with
    /// [`on_behalf`] asks for that person.
    pub fn on_behalf(identity: Arc<ServiceIdentity>, token: Option<CallerToken>) -> Self {
        Self { identity, speaks: Speaks::OnBehalf(token) }
    }

    /// A channel whose calls carry all this.
    pub fn over(&self, channel: impl Into<rpc::client::Channel>) -> Channel {
        InterceptedService::new(channel.into(), self.clone())
    }
}

/// Marks one request to be made on behalf of the person whose token this is, whatever its client does otherwise.
pub fn on_behalf<T>(request: &mut Request<T>, token: CallerToken) {
    request.extensions_mut().insert(token);
}

impl Interceptor for Outgoing {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let called = request.extensions().get::<GrpcMethod<'_>>().map(|method| method.service().to_owned());
        let Some(neighbour) = called.as_deref().and_then(owner) else {
            tracing::error!(?called, "a call to something that is not of this fleet must not carry its tokens");
            return Err(Status::internal("not an rpc of this fleet"));
        };
        rpc::client::carry(&mut request)?;
        let own = self.identity.value_for(neighbour);
        let marked = request.extensions_mut().remove::<CallerToken>();
        let caller = match (&marked, &self.speaks) {
            (Some(token), _) | (None, Speaks::OnBehalf(Some(token))) => Some(token.header()),
            (None, Speaks::OnBehalf(None)) => None,
            (None, Speaks::AsService) => Some(bearer(&own)?),
        };
        let headers = request.metadata_mut().as_mut();
        headers.insert(HeaderName::from_static(VIA), own);
        if let Some(caller) = caller {
            headers.insert(HeaderName::from_static(AUTHORIZATION), caller);
        }
        Ok(request)
    }
}

fn bearer(token: &HeaderValue) -> Result<HeaderValue, Status> {
    let value = HeaderValue::from_bytes(&[b"Bearer ", token.as_bytes()].concat());
    let mut value = value.map_err(|_| Status::internal("a token that fits no header"))?;
    value.set_sensitive(true);
    Ok(value)
}
