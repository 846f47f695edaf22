//! Answers of rpcs as HTTP: JSON, nothing, or a stream of events. Files are in `file`.

use std::convert::Infallible;

use axum::{
    body::Body,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use failpoint::failpoint;
use futures::{Stream, StreamExt, stream};
use http::{HeaderName, HeaderValue, StatusCode, header};
use proto::json::{Json, to_text};
use rpc::RequestId;
use tokio::time::{Duration, sleep};
use tonic::Status;
use uuid::Uuid;

use crate::{call::Admitted, etag::ETag, problem::Problem};

/// How long a stream may go on; browsers come back by themselves, with a token that is checked anew.
const LONGEST_STREAM: Duration = Duration::from_secs(15 * 60);
/// How often a silent stream shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Reverse proxies collect an answer before they hand it on, unless they are told not to.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What an answer depends on beside its address.
const VARY: HeaderValue = HeaderValue::from_static("authorization, accept-language, accept-encoding");

/// What a client of an rpc gives back.
pub type Reply<T> = Result<tonic::Response<T>, Status>;

impl Admitted {
    /// A message as JSON.
    pub fn json<T: Json>(&self, reply: Reply<T>) -> Result<Response, Problem> {
        let reply = self.settled(reply)?;
        failpoint!("call.answered");
        Ok(self.written(to_text(&reply), ""))
    }

    /// A message that can be changed, as JSON; `etag` names its version, for `If-Match`.
    pub fn named<T: Json>(&self, reply: Reply<T>, etag: fn(&T) -> &str) -> Result<Response, Problem> {
        let reply = self.settled(reply)?;
        failpoint!("call.answered");
        Ok(self.written(to_text(&reply), etag(&reply)))
    }

    /// Not generic, so that it is compiled once.
    fn written(&self, text: String, version: &str) -> Response {
        // What was read has a name for its contents, so that nobody is sent what they still have; what was changed has
        // one for its version only.
        let tag = match (self.reads, version) {
            (true, "") => Some(ETag::of(text.as_bytes())),
            (true, version) => Some(ETag::of_version(version, text.as_bytes())),
            (false, version) => ETag::version_only(version),
        };
        let mut response = match &tag {
            Some(tag) if self.reads && tag.is_known(&self.headers) => StatusCode::NOT_MODIFIED.into_response(),
            _ => {
                let mut response = Response::new(Body::from(text));
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
        };
        if let Some(tag) = tag.as_ref().and_then(ETag::header) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        if self.reads && self.method.cache.is_none() {
            // It may be kept, and is asked for again each time.
            let fresh = if self.is_personal() { "private, no-cache" } else { "no-cache" };
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(fresh));
            response.headers_mut().append(header::VARY, VARY);
        }
        self.dressed(response)
    }

    /// Nothing, when there is nothing to say.
    pub fn empty(&self, reply: Reply<()>) -> Result<Response, Problem> {
        self.settled(reply)?;
        Ok(self.dressed(StatusCode::NO_CONTENT.into_response()))
    }

    /// Each message as an event, until the stream ends or we have to. `id` is what the client names to go on after a
    /// break; empty where it cannot.
    pub fn stream<T: Json + Send + 'static>(
        &self,
        reply: Reply<tonic::Streaming<T>>,
        id: fn(&T) -> &str,
    ) -> Result<Response, Problem> {
        let messages = self.settled(reply)?;
        let draining = self.app.draining.clone();
        let end = async move {
            tokio::select! {
                () = draining.cancelled_owned() => {}
                () = sleep(LONGEST_STREAM) => {}
            }
        };
        let events = events(messages, id, request_id()).take_until(end);
        let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(NO_BUFFERING, HeaderValue::from_static("no"));
        Ok(self.dressed(response))
    }

    /// What was replied, or the problem as the client sees it.
    pub(crate) fn settled<T>(&self, reply: Reply<T>) -> Result<T, Problem> {
        let problem = match reply {
            Ok(reply) => return Ok(reply.into_inner()),
            Err(status) => Problem::from(status),
        };
        Err(match self.body_field {
            Some(field) => problem.seen_from_body(field),
            None => problem,
        })
    }

    /// Adds what the contract says about caches, and what was done about the client's preferences.
    pub(crate) fn dressed(&self, mut response: Response) -> Response {
        let personal = self.is_personal();
        let headers = response.headers_mut();
        if let Some(cache) = self.method.cache {
            let whose = if cache.shared && !personal { "public" } else { "private" };
            if let Ok(value) = HeaderValue::try_from(format!("{whose}, max-age={}", cache.seconds)) {
                headers.insert(header::CACHE_CONTROL, value);
                headers.append(header::VARY, VARY);
            }
        }
        if self.lenient {
            headers.insert("preference-applied", HeaderValue::from_static("handling=lenient"));
        }
        response
    }
}

/// The id of the request that is being served.
pub fn request_id() -> RequestId {
    rpc::Context::current().map_or_else(RequestId::generate, |context| context.request_id)
}

/// Messages as events, after a hint when to come back. A refusal is the last one, called `error`, and holds a problem.
fn events<T: Json>(
    messages: impl Stream<Item = Result<T, Status>>,
    id: fn(&T) -> &str,
    request_id: RequestId,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let messages = messages.map(move |message| match message {
        Ok(message) => numbered(id(&message)).data(to_text(&message)),
        Err(status) => {
            let problem = Problem::from(status).json(request_id.as_str());
            Event::default().event("error").data(problem.to_string())
        }
    });
    stream::once(std::future::ready(Event::default().retry(pause()))).chain(messages).map(Ok)
}

/// An event with this id, if it has one. An id cannot hold the ends of lines; then there is none to come back with.
fn numbered(id: &str) -> Event {
    let fits = !id.is_empty() && !id.contains(['\0', '\n', '\r']);
    if fits { Event::default().id(id) } else { Event::default() }
}

/// Two to five seconds: those whom a draining replica sends away all at once do not come back in step.
fn pause() -> Duration {
    let (_, low) = Uuid::new_v4().as_u64_pair();
    Duration::from_millis(2_000 + low % 3_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use proto::lyceum::values::v1::Money;

    #[tokio::test]
    async fn a_stream_tells_messages_and_at_last_why_it_broke() {
        let money = |currency: &str| Ok(Money { minor: 149_000, currency: currency.to_owned() });
        let broken = Status::unavailable("10.0.0.7 refused the connection");
        let messages = stream::iter([money("RUB"), money(""), money("two\nlines"), Err(broken)]);
        let events = events(messages, |money| &money.currency, RequestId::parse("request-1").unwrap());
        let body = Sse::new(events).into_response().into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let events: Vec<_> = text.trim_end().split("\n\n").collect();
        let wait: u64 = events[0].strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!((2_000..5_000).contains(&wait), "{wait}");
        assert_eq!(events[1], "id: RUB\ndata: {\"minor\":\"149000\",\"currency\":\"RUB\"}");
        assert_eq!(events[2], r#"data: {"minor":"149000","currency":""}"#);
        assert_eq!(events[3], r#"data: {"minor":"149000","currency":"two\nlines"}"#);
        assert!(events[4].starts_with("event: error\ndata: {"), "{text}");
        assert!(events[4].contains(r#""code":"UNAVAILABLE""#) && events[4].contains(r#""requestId":"request-1""#));
        assert!(!text.contains("10.0.0.7"));
    }
}
