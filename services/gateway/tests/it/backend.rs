//! A gRPC server that plays every service of the fleet: it takes any rpc and answers what the test has set.
//!
//! It stands behind the same guards as the real ones, so it also proves that the gateway's tokens are believed.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    fmt,
    future::pending,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use proto::Message;
use tokio::sync::mpsc;
use tonic::Status;

type Answer = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;
/// Encoded messages of a stream, and how it ends.
type Pieces = mpsc::Receiver<Result<Vec<u8>, Status>>;

/// The writing end of a stream: dropped, it ends well.
pub struct Pen(mpsc::Sender<Result<Vec<u8>, Status>>);

impl Pen {
    /// Writes a message as soon as the gateway takes it; false when it does not want more.
    pub async fn write(&self, message: &impl Message) -> bool {
        self.0.send(Ok(message.encode_to_vec())).await.is_ok()
    }

    /// Ends the stream with a refusal.
    pub async fn break_off(self, status: Status) {
        self.0.send(Err(status)).await.unwrap();
    }

    /// Comes when nobody reads any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// What an rpc was called with.
#[derive(Clone)]
pub struct Received {
    pub metadata: HeaderMap,
    message: Vec<u8>,
}

impl Received {
    pub fn message<T: Message + Default>(&self) -> T {
        T::decode(&*self.message).unwrap()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(|value| value.to_str().unwrap())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a call with {:?}", self.metadata)
    }
}

/// The answers that are set and the calls that came.
#[derive(Clone, Default)]
pub struct Backend {
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    streams: Arc<Mutex<HashMap<String, Pieces>>>,
    silent: Arc<Mutex<HashSet<String>>>,
    calls: Arc<Mutex<Vec<(String, Received)>>>,
}

impl Backend {
    /// Answers the rpc from now on, such as `users.v1.UserService/GetMe`, with what `answer` makes of its request.
    pub fn on<Q, A>(&self, rpc: &str, answer: impl Fn(Q) -> Result<A, Status> + Send + Sync + 'static)
    where
        Q: Message + Default,
        A: Message,
    {
        let answer = move |bytes: &[u8]| answer(Q::decode(bytes).unwrap()).map(|reply| reply.encode_to_vec());
        self.answers.lock().unwrap().insert(path(rpc), Arc::new(answer));
    }

    /// Answers the next call of the rpc with a stream of what the pen writes.
    pub fn stream(&self, rpc: &str) -> Pen {
        let (pen, pieces) = mpsc::channel(1);
        self.streams.lock().unwrap().insert(path(rpc), pieces);
        Pen(pen)
    }

    /// Never answers the rpc.
    pub fn keep_silent(&self, rpc: &str) {
        self.silent.lock().unwrap().insert(path(rpc));
    }

    /// The calls of the rpc so far.
    pub fn calls(&self, rpc: &str) -> Vec<Received> {
        let path = path(rpc);
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(called, _)| *called == path).map(|(_, call)| call.clone()).collect()
    }

    /// The only call of the rpc.
    #[track_caller]
    pub fn only_call(&self, rpc: &str) -> Received {
        let mut calls = self.calls(rpc);
        assert_eq!(calls.len(), 1, "calls of {rpc}");
        calls.remove(0)
    }

    /// The server.
    pub fn routes(&self) -> tonic::service::Routes {
        let backend = self.clone();
        let answer = move |request| {
            let backend = backend.clone();
            async move { backend.answer(request).await }
        };
        Router::new().fallback(answer).into()
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let frame = body.collect().await.unwrap().to_bytes();
        // A frame is a flag, four bytes of length, and the message.
        let message = frame[5..].to_vec();
        let received = Received { metadata: parts.headers, message: message.clone() };
        self.calls.lock().unwrap().push((path.clone(), received));
        if self.silent.lock().unwrap().contains(&path) {
            pending::<()>().await;
        }
        let pieces = self.streams.lock().unwrap().remove(&path);
        if let Some(pieces) = pieces {
            return streamed(pieces);
        }
        let answer = self.answers.lock().unwrap().get(&path).cloned();
        match answer.map(|answer| answer(&message)) {
            Some(Ok(reply)) => replied(&reply),
            Some(Err(status)) => status.into_http(),
            None => Status::unimplemented(format!("the test sets no answer for {path}")).into_http(),
        }
    }
}

fn path(rpc: &str) -> String {
    format!("/lyceum.{rpc}")
}

fn replied(message: &[u8]) -> Response {
    let body = Full::from(framed(message)).with_trailers(async move { Some(Ok(trailers(&Status::ok("")))) });
    answered(Body::new(body))
}

fn streamed(pieces: Pieces) -> Response {
    let frames = stream::unfold(Some(pieces), async |pieces| {
        let mut pieces = pieces?;
        Some(match pieces.recv().await {
            Some(Ok(message)) => (Frame::data(Bytes::from(framed(&message))), Some(pieces)),
            Some(Err(status)) => (Frame::trailers(trailers(&status)), None),
            None => (Frame::trailers(trailers(&Status::ok(""))), None),
        })
    });
    answered(Body::new(StreamBody::new(frames.map(Ok::<_, Infallible>))))
}

/// A flag, four bytes of length, and the message.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), message].concat()
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    trailers
}

fn answered(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
