//! A proxy in front of a real S3 server, at which everything can go wrong that goes wrong at a big one.
//!
//! It understands nothing of S3: bytes are streamed as they come, and the Host header stays, so that signatures hold.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;

use crate::{
    config::S3,
    fault::{Kind, Trouble},
    world::World,
};

/// What belongs to one connection, not to the message.
const HOP_BY_HOP: [HeaderName; 4] =
    [header::CONNECTION, header::EXPECT, header::UPGRADE, HeaderName::from_static("keep-alive")];

/// What stops a body in the middle.
type Broken = std::io::Error;

#[derive(Debug, Clone)]
struct Proxy {
    world: World,
    upstream: Uri,
    client: Client<HttpConnector, Body>,
}

/// Passes on until the process ends; for ever idle without a server to pass on to.
pub(crate) async fn serve(listener: Option<(TcpListener, S3)>, world: World) -> std::io::Result<()> {
    let Some((listener, S3 { upstream, .. })) = listener else { return std::future::pending().await };
    let client = Client::builder(TokioExecutor::new()).build_http();
    axum::serve(listener, Router::new().fallback(answer).with_state(Proxy { world, upstream, client })).await
}

async fn answer(State(proxy): State<Proxy>, request: Request) -> Response {
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    let trouble = proxy.world.faults().take_at_s3(request.method(), &target);
    let Some(Trouble { kind, delay, .. }) = trouble else { return proxy.pass(request).await.unwrap_or_else(cut) };
    match kind {
        Kind::ServerError => refuse(request, StatusCode::INTERNAL_SERVER_ERROR, "InternalError").await,
        Kind::SlowDown => refuse(request, StatusCode::SERVICE_UNAVAILABLE, "SlowDown").await,
        Kind::TooMany => refuse(request, StatusCode::TOO_MANY_REQUESTS, "TooManyRequests").await,
        Kind::Never => std::future::pending().await,
        Kind::CutUpload => {
            let length = length(request.headers().get(header::CONTENT_LENGTH));
            let request = request.map(|body| Body::from_stream(first_half(body, length)));
            // Whatever the server made of half a message, nobody is told.
            drop(proxy.pass(request).await);
            cut(Broken::other("cut"))
        }
        Kind::DropReply => {
            if let Ok(answer) = proxy.pass(request).await {
                // The server is done only when it has said everything.
                drop(answer.into_body().into_data_stream().try_for_each(async |_| Ok(())).await);
            }
            cut(Broken::other("dropped"))
        }
        Kind::CutReply => {
            let answer = proxy.pass(request).await.unwrap_or_else(cut);
            let length = length(answer.headers().get(header::CONTENT_LENGTH));
            answer.map(|body| Body::from_stream(first_half(body, length)))
        }
        Kind::WrongBody => proxy.pass(request).await.unwrap_or_else(cut).map(with_a_wrong_bit),
        Kind::Slow => {
            tokio::time::sleep(delay).await;
            proxy.pass(request).await.unwrap_or_else(cut)
        }
        // The others cannot be asked for here.
        _ => proxy.pass(request).await.unwrap_or_else(cut),
    }
}

impl Proxy {
    async fn pass(&self, mut request: Request) -> Result<Response, Broken> {
        for name in HOP_BY_HOP {
            request.headers_mut().remove(name);
        }
        let mut target = self.upstream.clone().into_parts();
        target.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(target).map_err(Broken::other)?;
        let mut answer = self.client.request(request).await.map_err(Broken::other)?;
        for name in HOP_BY_HOP {
            answer.headers_mut().remove(name);
        }
        Ok(answer.map(Body::new))
    }
}

/// Ends the connection without an answer. A body that breaks off at once makes the server do it before it has sent the head.
fn cut(broken: Broken) -> Response {
    Body::from_stream(stream::once(std::future::ready(Err::<Bytes, _>(broken)))).into_response()
}

/// An error as S3 words it; nothing has happened.
async fn refuse(request: Request, status: StatusCode, code: &str) -> Response {
    // A real one listens to the end, and who is cut short while speaking would see another fault than this.
    drop(request.into_body().into_data_stream().try_for_each(async |_| Ok(())).await);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>A fault of the sandbox</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

fn length(header: Option<&HeaderValue>) -> u64 {
    header.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}

/// The first half of a body, after which the connection breaks.
fn first_half(body: Body, length: u64) -> impl Stream<Item = Result<Bytes, Broken>> {
    let mut left = usize::try_from(length / 2).unwrap_or(usize::MAX);
    let half = body.into_data_stream().map_err(Broken::other).map_ok(move |chunk| {
        let kept = chunk.slice(..chunk.len().min(left));
        left -= kept.len();
        kept
    });
    let half = half.take_while(|chunk| std::future::ready(chunk.as_ref().is_ok_and(|chunk| !chunk.is_empty())));
    half.chain(stream::once(async {
        // Gives what was sent the time to leave.
        tokio::task::yield_now().await;
        Err(Broken::other("cut in the middle"))
    }))
}

/// The body with its first bit turned: as long as before, and another.
fn with_a_wrong_bit(body: Body) -> Body {
    let mut is_first = true;
    Body::from_stream(body.into_data_stream().map_ok(move |chunk| {
        if chunk.is_empty() || !std::mem::take(&mut is_first) {
            return chunk;
        }
        let mut bytes = chunk.to_vec();
        bytes[0] ^= 1;
        Bytes::from(bytes)
    }))
}

/// Where a request can be struck by a fault: the place of its method, and that of all.
pub(crate) fn places(method: &Method) -> [String; 2] {
    [format!("s3.{method}"), "s3".to_owned()]
}
