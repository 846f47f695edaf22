//! Deadlines: whoever asks says how long it waits (`grpc-timeout`), whoever serves stops then, and passes the rest of
//! the time on.

use crate::{Context, Problem, RequestId};
use futures::future::BoxFuture;
use http::HeaderMap;
use std::{
    task::{self, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tonic::{Status, metadata::MetadataMap, metadata::MetadataValue};

/// The metadata name of the time that a caller waits.
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// How long a call may take when nobody says.
const USUAL: Duration = Duration::from_secs(10);
/// How long a call may take whatever somebody says.
const LONGEST: Duration = Duration::from_secs(60);
/// We answer so much before the caller hangs up, so that it hears why.
const MARGIN: Duration = Duration::from_millis(20);

/// When whoever asked stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is granted when nobody says: ten seconds from now.
    pub fn usual() -> Self {
        Self::after(USUAL)
    }

    /// The one that an outgoing call carries; the usual one if it carries none.
    pub fn of(headers: &HeaderMap) -> Self {
        Self::after(timeout(headers).unwrap_or(USUAL))
    }

    /// The time that is left; zero when it is over.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Writes the remaining time as `grpc-timeout`, unless the call already brings a shorter one.
    pub(crate) fn write(self, metadata: &mut MetadataMap) -> Result<(), Status> {
        let asked = timeout(metadata.as_ref()).unwrap_or(LONGEST);
        let milliseconds = self.remaining().min(asked).as_millis();
        if milliseconds == 0 {
            return Err(Problem::late().into());
        }
        if let Ok(value) = MetadataValue::try_from(format!("{milliseconds}m")) {
            metadata.insert(GRPC_TIMEOUT, value);
        }
        Ok(())
    }
}

/// The time that a caller says it waits. A value that we cannot read counts as none.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The tower layer of a gRPC server: reads the request's id and deadline, serves in their [`Context`] (also found among
/// the request's extensions), and answers `DEADLINE_EXCEEDED` in time. A stream must begin before the deadline; it may
/// go on after it.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    usual: Duration,
    longest: Duration,
}

impl Layer {
    /// Ten seconds when the caller does not say, at most a minute.
    pub const fn new() -> Self {
        Self { usual: USUAL, longest: LONGEST }
    }

    /// How long a call may take when the caller does not say.
    pub const fn usual(self, usual: Duration) -> Self {
        Self { usual, ..self }
    }

    /// How long a call may take whatever the caller says.
    pub const fn longest(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, limits: *self }
    }
}

/// A service with deadlines: what [`Layer`] makes.
#[derive(Debug, Clone)]
pub struct Timed<S> {
    inner: S,
    limits: Layer,
}

impl<S, B, R> tower::Service<http::Request<B>> for Timed<S>
where
    S: tower::Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
    R: Default,
{
    type Response = http::Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, task: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        let granted = timeout(request.headers()).unwrap_or(self.limits.usual).min(self.limits.longest);
        let deadline = Deadline::after(granted - MARGIN.min(granted / 20));
        let context = Context { request_id: RequestId::of(request.headers()), deadline };
        request.extensions_mut().insert(context.clone());
        let served = context.scope(self.inner.call(request));
        Box::pin(async move {
            match tokio::time::timeout_at(deadline.0, served).await {
                Ok(answer) => answer,
                Err(_) => Ok(Status::from(Problem::late()).into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_timeout_is_a_time_or_none(text in "[ -~]{0,20}|[0-9]{0,10}[HMSmun]?") {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, text.parse().unwrap());
            if let Some(time) = timeout(&headers) {
                prop_assert!(time <= Duration::from_secs(99_999_999 * 3_600));
            }
        }
    }
    use tower::{Layer as _, Service as _, ServiceExt as _};

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(GRPC_TIMEOUT), value.parse().unwrap())])
    }

    #[test]
    fn every_unit_of_the_specification_is_read() {
        for (text, read) in [
            ("2H", Some(Duration::from_secs(7_200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("5m", Some(Duration::from_millis(5))),
            ("6u", Some(Duration::from_micros(6))),
            ("7n", Some(Duration::from_nanos(7))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("123456789S", None),
            ("+5S", None),
            ("5", None),
            ("S", None),
            ("", None),
            ("5x", None),
        ] {
            assert_eq!(timeout(&headers(text)), read, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_shorter_wish_of_the_call_itself_wins() {
        let mut metadata = MetadataMap::from_headers(headers("1S"));
        Deadline::usual().write(&mut metadata).unwrap();
        assert_eq!(metadata.get(GRPC_TIMEOUT).unwrap(), "1000m");
        let late = Deadline::after(Duration::ZERO).write(&mut metadata).unwrap_err();
        assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
    }

    /// What a call that never ends by itself is answered, and after how long.
    async fn endless(asked: Option<&str>) -> (Option<tonic::Code>, Duration) {
        let endless = tower::service_fn(|request: http::Request<()>| async move {
            assert!(request.extensions().get::<Context>().is_some());
            assert!(Context::current().is_some());
            std::future::pending::<Result<http::Response<()>, std::convert::Infallible>>().await
        });
        let limits = Layer::new().usual(Duration::from_millis(80)).longest(Duration::from_millis(120));
        let mut service = limits.layer(endless);
        let mut request = http::Request::new(());
        *request.headers_mut() = asked.map(headers).unwrap_or_default();
        let start = Instant::now();
        let answer = service.ready().await.unwrap().call(request);
        let answer = tokio::time::timeout(Duration::from_secs(5), answer).await.expect("it is cut off").unwrap();
        (Status::from_header_map(answer.headers()).map(|status| status.code()), start.elapsed())
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_refused_when_its_time_is_over() {
        for (asked, granted) in [(None, 80), (Some("40m"), 40), (Some("1H"), 120)] {
            let (code, after) = endless(asked).await;
            assert_eq!(code, Some(tonic::Code::DeadlineExceeded));
            let granted = Duration::from_millis(granted);
            assert!(after >= granted - granted / 20, "{after:?} of {granted:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_in_time_passes() {
        let quick = tower::service_fn(|_: http::Request<()>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new("here"))
        });
        let answer = Layer::new().layer(quick).oneshot(http::Request::new(())).await.unwrap();
        assert_eq!(answer.into_body(), "here");
    }
}
