//! Sending a call to one of the replicas, and to another one if the first has not begun it.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use rpc::Deadline;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status, metadata::MetadataValue};
use tower::Service;

use crate::{
    replica::Busy,
    replicas::Replicas,
    request::{Body, Outgoing},
};

/// How many replicas a call is sent to at the most. Each of them has refused it unseen.
const ATTEMPTS: usize = 5;

/// A balanced way to a service.
#[derive(Clone)]
pub(crate) struct Channel(pub(crate) Arc<Replicas>);

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(send(Arc::clone(&self.0), request))
    }
}

async fn send(replicas: Arc<Replicas>, request: Request<Body>) -> Result<Response<Body>, Status> {
    let mut outgoing = Outgoing::new(request)?;
    let deadline = Instant::now() + Deadline::of(outgoing.headers()).remaining();
    let mut tried = Vec::new();
    loop {
        let (replica, mut sender) = replicas.pick(&tried, deadline).await?;
        let Some(request) = outgoing.request_for(&replica.address) else {
            return Err(Status::unavailable(format!("{} refused a call that can be sent only once", replicas.target)));
        };
        let busy = replica.occupy();
        let Ok(sent) = timeout_at(deadline, sender.try_send_request(request)).await else {
            return Err(Status::deadline_exceeded(format!("{} did not answer in time", replicas.target)));
        };
        let mut failed = match sent {
            Ok(response) => return Ok(received(response, busy)),
            Err(failed) => failed,
        };
        // From here on the question is only whether the replica may have begun the call: if it may, another one must
        // not get it too.
        let unseen = failed.take_message();
        let begun = unseen.is_none() && !refused_unseen(failed.error());
        if begun || tried.len() + 1 >= ATTEMPTS {
            return Err(broken(failed.into_error()));
        }
        if let Some(request) = unseen {
            outgoing.take_back(request);
        }
        metrics::counter!("rpc_client_resent_total", "target" => replicas.target.clone()).increment(1);
        drop(busy);
        tried.push(replica);
    }
}

/// Whether the other side has said itself that it has not begun this call: it closes the connection and named the
/// last call that it takes (GOAWAY), or has refused this one (REFUSED_STREAM).
fn refused_unseen(error: &hyper::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return error.is_remote() && (refused || error.is_go_away());
        }
        source = error.source();
    }
    false
}

fn received(response: Response<Incoming>, busy: Busy) -> Response<Body> {
    // An answer without a message says in its head how the call went.
    let code = response.headers().get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()));
    if code == Some(Code::Unavailable) {
        busy.replica().complains();
    }
    response.map(|body| Body::new(Answer { body, _busy: busy }))
}

/// What the caller hears of a connection that failed. One that just broke is a neighbour that is unavailable.
fn broken(error: hyper::Error) -> Status {
    let why = rpc::chain(&error);
    let status = Status::from_error(Box::new(error));
    match status.code() {
        Code::Unknown | Code::Cancelled | Code::Unavailable => {
            let mut status = Status::unavailable(format!("the connection broke ({why})"));
            status.metadata_mut().insert(rpc::client::BROKE, MetadataValue::from_static("true"));
            status
        }
        _ => status,
    }
}

/// An answer on its way in. Its replica counts as busy until it is complete.
struct Answer {
    body: Incoming,
    _busy: Busy,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
