//! The guard of every gRPC server: finds the rpc in the contract's method table and lets in only whom it names.

use crate::{
    AUTHORIZATION, Caller, CallerToken, Refused, ServiceName, VIA, Verifier, bearer, names::owner, refused::Flaw,
};
use futures::future::BoxFuture;
use http::HeaderMap;
use proto::Access;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::Status;

/// Tells who may call the rpc with this path; `None` if there is no such rpc.
pub type Lookup = fn(&str) -> Option<Access>;

/// What every server answers to everybody: it says nothing about the school.
const OPEN: [&str; 3] =
    ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha."];

/// The tower layer that guards a gRPC server. It must stand inside of [`rpc::deadline::Layer`], so that waiting for
/// keys has an end.
#[derive(Debug, Clone)]
pub struct Layer {
    verifier: Arc<Verifier>,
    lookup: Lookup,
}

impl Layer {
    /// Guards by the contract.
    pub fn new(verifier: Arc<Verifier>) -> Self {
        Self::by(verifier, |path| proto::method(path).map(|method| method.access))
    }

    /// Guards by another table: for tests of guarded servers without a contract.
    pub fn by(verifier: Arc<Verifier>, lookup: Lookup) -> Self {
        Self { verifier, lookup }
    }

    /// Decides whether a call may go on, and as whose.
    async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Identity, Refused> {
        let (Some(access), Some(target)) = ((self.lookup)(path), owner(path)) else {
            return Err(Refused::NoSuchRpc);
        };
        let caller = match (access, self.identify(headers, target).await) {
            // What is open to everybody is open to somebody with a stale token as well: they may be here to get a new
            // one.
            (Access::Public, Err(refused)) => {
                tracing::debug!(error = rpc::chain(&refused), path, "a public rpc takes its caller for a stranger");
                Arc::new(Caller::Anonymous)
            }
            (_, identified) => identified?,
        };
        let via = match headers.get(VIA) {
            Some(token) => Some(self.via(token.to_str().unwrap_or_default(), target).await?),
            None => None,
        };
        allowed(access, &caller)?;
        let token = match caller.as_ref() {
            Caller::Person(_) => headers.get(AUTHORIZATION).cloned().map(CallerToken::of_header),
            Caller::Service(_) | Caller::Anonymous => None,
        };
        Ok(Identity { caller, via, token })
    }

    /// Whose token the call carries.
    async fn identify(&self, headers: &HeaderMap, target: &str) -> Result<Arc<Caller>, Refused> {
        match bearer(headers)? {
            Some(token) => self.verifier.verify(token, target).await,
            None => Ok(Arc::new(Caller::Anonymous)),
        }
    }

    async fn via(&self, token: &str, target: &str) -> Result<ServiceName, Refused> {
        self.verifier.service(token, target).await.map_err(|refused| match refused {
            Refused::TokenInvalid(flaw) => Refused::PeerInvalid(flaw),
            Refused::TokenExpired => Refused::PeerInvalid(Flaw("expired")),
            other => other,
        })
    }
}

/// The access check itself.
fn allowed(access: Access, caller: &Caller) -> Result<(), Refused> {
    match (access, caller) {
        (Access::Public, _) | (Access::SignedIn, Caller::Person(_)) | (Access::ServiceOnly, Caller::Service(_)) => {
            Ok(())
        }
        (Access::Permission(needed), Caller::Person(person)) if person.has(needed) => Ok(()),
        (Access::Permission(_), Caller::Person(_)) => Err(Refused::PermissionDenied),
        (Access::SignedIn | Access::Permission(_), Caller::Anonymous) => Err(Refused::SignInRequired),
        (Access::SignedIn | Access::Permission(_), Caller::Service(_)) => Err(Refused::PersonRequired),
        (Access::ServiceOnly, Caller::Anonymous | Caller::Person(_)) => Err(Refused::ServiceOnly),
    }
}

/// What the guard found out about a call, among the request's extensions.
#[derive(Debug, Clone)]
struct Identity {
    caller: Arc<Caller>,
    via: Option<ServiceName>,
    token: Option<CallerToken>,
}

fn identity<T>(request: &tonic::Request<T>) -> Option<&Identity> {
    request.extensions().get::<Identity>()
}

/// Who is calling. Without a [`Layer`] before it, everybody is anonymous.
pub fn caller<T>(request: &tonic::Request<T>) -> Caller {
    identity(request).map(|identity| identity.caller.as_ref().clone()).unwrap_or_default()
}

/// The token of the person who is calling, to ask a neighbour on their behalf (see [`on_behalf`](crate::on_behalf)).
pub fn caller_token<T>(request: &tonic::Request<T>) -> Option<CallerToken> {
    identity(request).and_then(|identity| identity.token.clone())
}

/// The service that makes the call, whoever it asks for.
pub fn peer<T>(request: &tonic::Request<T>) -> Option<ServiceName> {
    let identity = identity(request)?;
    match (&identity.via, identity.caller.as_ref()) {
        (Some(via), _) => Some(via.clone()),
        (None, Caller::Service(name)) => Some(name.clone()),
        (None, Caller::Person(_) | Caller::Anonymous) => None,
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, layer: self.clone() }
    }
}

/// A guarded service: what [`Layer`] makes.
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    layer: Layer,
}

impl<S, B, R> tower::Service<http::Request<B>> for Guarded<S>
where
    S: tower::Service<http::Request<B>, Response = http::Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Default,
{
    type Response = http::Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Box::pin(self.inner.call(request));
        }
        for secret in [AUTHORIZATION, VIA] {
            if let Some(value) = request.headers_mut().get_mut(secret) {
                value.set_sensitive(true);
            }
        }
        // The service that is ready must be the one that is called; its clone waits for the next call.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.admit(parts.uri.path(), &parts.headers).await {
                Ok(identity) => {
                    parts.extensions.insert(identity);
                    inner.call(http::Request::from_parts(parts, body)).await
                }
                Err(refused) => {
                    tracing::debug!(error = rpc::chain(&refused), path = parts.uri.path(), "a call was not let in");
                    Ok(Status::from(refused).into_http())
                }
            }
        })
    }
}
