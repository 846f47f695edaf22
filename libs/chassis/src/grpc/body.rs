//! An answer on its way out, watched for the trailers that tell how the call ended.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};

use super::observe::Call;

pub(super) struct Watched {
    body: Body,
    call: Call,
}

impl Watched {
    pub(super) fn new(body: Body, call: Call) -> Self {
        Self { body, call }
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.call.span().clone();
        let frame = {
            let _inside = span.enter();
            ready!(Pin::new(&mut self.body).poll_frame(context))
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(status) = frame.trailers_ref().and_then(|trailers| trailers.get("grpc-status")) {
                    self.call.end(Code::from_bytes(status.as_bytes()));
                }
            }
            Some(Err(status)) => self.call.end(status.code()),
            None => self.call.end(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
