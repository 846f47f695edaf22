//! Reflection, for tools such as grpcurl. Its index of all messages takes megabytes, so that it is made for the first
//! who asks.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{Status, body::Body, server::NamedService};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};

type Ready = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Answers from an encoded `FileDescriptorSet`.
#[derive(Debug, Clone)]
pub(super) struct Reflection {
    descriptor: &'static [u8],
    service: Arc<OnceLock<Option<Ready>>>,
}

impl Reflection {
    pub(super) fn new(descriptor: &'static [u8]) -> Self {
        Self { descriptor, service: Arc::new(OnceLock::new()) }
    }

    fn made(&self) -> Option<Ready> {
        let make = || {
            let builder = tonic_reflection::server::Builder::configure();
            let ready = builder.register_encoded_file_descriptor_set(self.descriptor).build_v1();
            ready
                .inspect_err(|error| tracing::error!(error = %error, "the descriptors cannot be read"))
                .ok()
                .map(BoxCloneSyncService::new)
        };
        self.service.get_or_init(make).clone()
    }
}

impl NamedService for Reflection {
    const NAME: &'static str = "grpc.reflection.v1.ServerReflection";
}

impl Service<Request<Body>> for Reflection {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let made = self.made();
        Box::pin(async move {
            match made {
                Some(service) => service.oneshot(request).await,
                None => Ok(Status::internal("the descriptors cannot be read").into_http()),
            }
        })
    }
}
