//! A request that can be sent more than once.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Request, Uri, header, uri::Scheme};
use hyper::body::{Body as _, Frame, SizeHint};
use tonic::Status;

use crate::target::Address;

/// What requests and answers are made of.
pub(crate) type Body = tonic::body::Body;

/// What is kept of a message for sending it again; longer ones are sent once.
const LONGEST_KEPT: usize = 4 * 1024 * 1024;

/// A request, before it is known who gets it.
pub(crate) struct Outgoing {
    head: http::request::Parts,
    message: Message,
}

enum Message {
    /// The whole message: every unary call's.
    Whole(Bytes),
    /// One that is still being written, or is too long to keep.
    Streaming(Body),
    /// It was streaming, and is gone.
    Gone,
}

impl Outgoing {
    /// Takes in what there is of the message at once, which for a unary call is all of it.
    pub(crate) fn new(request: Request<Body>) -> Result<Self, Status> {
        let (head, mut body) = request.into_parts();
        let mut read = BytesMut::new();
        let message = loop {
            let mut context = Context::from_waker(Waker::noop());
            match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Ready(None) => break Message::Whole(read.freeze()),
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => read.extend_from_slice(&data),
                    Err(_) => break Message::Whole(read.freeze()),
                },
                Poll::Pending => break Message::Streaming(Body::new(Resumed { read: read.freeze(), rest: body })),
            }
            if read.len() > LONGEST_KEPT {
                break Message::Streaming(Body::new(Resumed { read: read.freeze(), rest: body }));
            }
        };
        Ok(Self { head, message })
    }

    /// The request for one replica; `None` when there is nothing left to send.
    pub(crate) fn request_for(&mut self, address: &Address) -> Option<Request<Body>> {
        let body = match &self.message {
            Message::Whole(bytes) => Body::new(http_body_util::Full::new(bytes.clone())),
            Message::Streaming(_) => match std::mem::replace(&mut self.message, Message::Gone) {
                Message::Streaming(body) => body,
                _ => return None,
            },
            Message::Gone => return None,
        };
        let mut head = self.head.clone();
        head.uri = uri_at(&self.head.uri, address)?;
        head.headers.remove(header::HOST);
        Some(Request::from_parts(head, body))
    }

    /// Takes back a request that nobody has seen.
    pub(crate) fn take_back(&mut self, request: Request<Body>) {
        if matches!(self.message, Message::Gone) {
            self.message = Message::Streaming(request.into_body());
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }
}

fn uri_at(uri: &Uri, address: &Address) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(if address.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP });
    let host = address.tls.as_deref().unwrap_or(&address.host);
    parts.authority = format!("{host}:{}", address.port).parse().ok();
    Uri::from_parts(parts).ok()
}

/// A body whose beginning was read already.
struct Resumed {
    read: Bytes,
    rest: Body,
}

impl hyper::body::Body for Resumed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.read.has_remaining() {
            let read = std::mem::take(&mut self.read);
            return Poll::Ready(Some(Ok(Frame::data(read))));
        }
        Pin::new(&mut self.rest).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use http_body_util::{BodyExt, StreamBody};

    fn address() -> Address {
        Address { host: "10.0.0.1".to_owned(), port: 7000, tls: Some("users.school.svc".to_owned()) }
    }

    fn request(body: Body) -> Outgoing {
        Outgoing::new(Request::post("/lyceum.users.v1.UserService/GetMe").body(body).unwrap()).unwrap()
    }

    async fn text(request: Request<Body>) -> Bytes {
        request.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_whole_message_can_be_sent_again_and_says_whom_it_is_for() {
        let mut outgoing = request(Body::new(http_body_util::Full::new(Bytes::from_static(b"message"))));
        for _ in 0..2 {
            let request = outgoing.request_for(&address()).unwrap();
            assert_eq!(request.uri(), "https://users.school.svc:7000/lyceum.users.v1.UserService/GetMe");
            assert_eq!(text(request).await, "message");
        }
    }

    #[tokio::test]
    async fn a_message_that_is_still_written_is_sent_once_unless_nobody_has_seen_it() {
        let first =
            futures::stream::once(std::future::ready(Ok::<_, Status>(Frame::data(Bytes::from_static(b"one,")))));
        let later = futures::stream::once(async {
            tokio::task::yield_now().await;
            Ok(Frame::data(Bytes::from_static(b"two")))
        });
        let mut outgoing = request(Body::new(StreamBody::new(Box::pin(first.chain(later)))));
        let unseen = outgoing.request_for(&address()).unwrap();
        assert!(outgoing.request_for(&address()).is_none());
        outgoing.take_back(unseen);
        let request = outgoing.request_for(&address()).unwrap();
        assert_eq!(text(request).await, "one,two");
        assert!(outgoing.request_for(&address()).is_none());
    }
}
