//! Answers of rpcs as HTTP: JSON, nothing, or a stream of events.

use std::convert::Infallible;

use axum::{
    body::Body,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt};
use http::{HeaderValue, StatusCode, header};
use proto::json::{Json, to_text};
use rpc::RequestId;
use tokio::time::{Duration, sleep};
use tonic::Status;

use crate::{call::Admitted, problem::Problem};

/// How long a stream may go on; browsers come back by themselves, with a token that is checked anew.
const LONGEST_STREAM: Duration = Duration::from_secs(15 * 60);
/// How often a silent stream shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a client of an rpc gives back.
type Reply<T> = Result<tonic::Response<T>, Status>;

impl Admitted {
    /// A message as JSON.
    pub fn json<T: Json>(&self, reply: Reply<T>) -> Result<Response, Problem> {
        let reply = self.settled(reply)?;
        let mut response = Response::new(Body::from(to_text(&reply)));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self.dressed(response))
    }

    /// Nothing, when there is nothing to say.
    pub fn empty(&self, reply: Reply<()>) -> Result<Response, Problem> {
        self.settled(reply)?;
        Ok(self.dressed(StatusCode::NO_CONTENT.into_response()))
    }

    /// Each message as an event, until the stream ends or we have to.
    pub fn stream<T: Json + Send + 'static>(&self, reply: Reply<tonic::Streaming<T>>) -> Result<Response, Problem> {
        let messages = self.settled(reply)?;
        let draining = self.app.draining.clone();
        let end = async move {
            tokio::select! {
                () = draining.cancelled_owned() => {}
                () = sleep(LONGEST_STREAM) => {}
            }
        };
        let request_id = rpc::Context::current().map_or_else(RequestId::generate, |context| context.request_id);
        let events = events(messages, request_id).take_until(end);
        let response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
        Ok(self.dressed(response))
    }

    fn settled<T>(&self, reply: Reply<T>) -> Result<T, Problem> {
        let problem = match reply {
            Ok(reply) => return Ok(reply.into_inner()),
            Err(status) => Problem::from(status),
        };
        Err(match self.body_field {
            Some(field) => problem.seen_from_body(field),
            None => problem,
        })
    }

    fn dressed(&self, mut response: Response) -> Response {
        let personal = self.is_personal();
        let headers = response.headers_mut();
        if let Some(cache) = self.method.cache {
            let whose = if cache.shared && !personal { "public" } else { "private" };
            if let Ok(value) = HeaderValue::try_from(format!("{whose}, max-age={}", cache.seconds)) {
                headers.insert(header::CACHE_CONTROL, value);
                headers.append(header::VARY, HeaderValue::from_static("authorization, accept-language"));
            }
        }
        if self.lenient {
            headers.insert("preference-applied", HeaderValue::from_static("handling=lenient"));
        }
        response
    }
}

/// Messages as events. A refusal is the last one, called `error`, and holds a problem.
fn events<T: Json>(
    messages: impl Stream<Item = Result<T, Status>>,
    request_id: RequestId,
) -> impl Stream<Item = Result<Event, Infallible>> {
    messages.map(move |message| {
        Ok(match message {
            Ok(message) => Event::default().data(to_text(&message)),
            Err(status) => {
                let problem = Problem::from(status).json(request_id.as_str());
                Event::default().event("error").data(problem.to_string())
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http_body_util::BodyExt;
    use proto::lyceum::values::v1::Money;

    #[tokio::test]
    async fn a_stream_tells_messages_and_at_last_why_it_broke() {
        let money = Money { minor: 149_000, currency: "RUB".to_owned() };
        let broken = Status::unavailable("10.0.0.7 refused the connection");
        let messages = stream::iter([Ok(money.clone()), Ok(money), Err(broken)]);
        let events = events(messages, RequestId::parse("request-1").unwrap());
        let body = Sse::new(events).into_response().into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let events: Vec<_> = text.trim_end().split("\n\n").collect();
        assert_eq!(events[..2], [r#"data: {"minor":"149000","currency":"RUB"}"#; 2]);
        assert!(events[2].starts_with("event: error\ndata: {"), "{text}");
        assert!(events[2].contains(r#""code":"UNAVAILABLE""#) && events[2].contains(r#""requestId":"request-1""#));
        assert!(!text.contains("10.0.0.7"));
    }
}
