//! The smallest whole service: what the tests start, stop and look at as a process of its own.
//!
//! `/lyceum.probe.v1.ProbeService/{Echo,Slow,Panic}` over gRPC, and the same over HTTP when `LYCEUM_HTTP_LISTEN` is
//! set.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, routing::get};
use chassis::{Env, Runtime, SecretString, Service, grpc, http};
use futures::future::BoxFuture;
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    service::Routes,
};
use tonic_prost::ProstCodec;

fn main() -> ExitCode {
    chassis::main::<Probe>(chassis::build!())
}

struct Probe;

struct Config {
    grpc_listen: SocketAddr,
    http_listen: Option<SocketAddr>,
    http_identity: chassis::Identity,
    slow: Duration,
    #[expect(dead_code, reason = "read to be checked, as a real service does")]
    key: SecretString,
    failing_task: bool,
    connections_per_address: Option<usize>,
    warm_file: Option<PathBuf>,
}

impl Service for Probe {
    const NAME: &'static str = "probe";
    type Config = Config;

    fn verbs() -> Vec<&'static str> {
        vec!["greet"]
    }

    fn read(env: &mut Env) -> Option<Config> {
        let grpc_listen = env.required("LYCEUM_GRPC_LISTEN");
        let http_listen = env.optional("LYCEUM_HTTP_LISTEN");
        let http_identity =
            env.identity("http", ["LYCEUM_HTTP_TLS_CERT_FILE", "LYCEUM_HTTP_TLS_KEY_FILE", "LYCEUM_HTTP_TLS_CA_FILE"]);
        let slow = env.duration("LYCEUM_SLOW", Duration::from_secs(1));
        let key = env.secret("LYCEUM_PROBE_KEY");
        let failing_task = env.or("LYCEUM_FAILING_TASK", false);
        let connections_per_address = env.optional("LYCEUM_CONNECTIONS_PER_ADDRESS");
        let warm_file = env.optional("LYCEUM_WARM_FILE");
        Some(Config {
            grpc_listen: grpc_listen?,
            http_listen: http_listen?,
            http_identity: http_identity?,
            slow: slow?,
            key: key?,
            failing_task: failing_task?,
            connections_per_address: connections_per_address?,
            warm_file: warm_file?,
        })
    }

    async fn run(_: Config, words: Vec<String>) -> anyhow::Result<()> {
        let [_, whom] = &words[..] else { anyhow::bail!("whom?") };
        tracing::info!("Hello, {whom}");
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        if let Some(file) = config.warm_file {
            runtime.admin.ready_when("warm", move || {
                let warm = file.exists();
                async move { if warm { Ok(()) } else { Err("still cold") } }
            });
        }
        runtime.job("count", Duration::from_secs(60), || async {});
        if config.failing_task {
            runtime.tasks.spawn("doomed", async { Err::<(), _>(anyhow::anyhow!("no luck")) });
        }
        let routes = Routes::new(Calls { slow: config.slow });
        let calls = grpc::Server::new(config.grpc_listen).reflection(tonic_health::pb::FILE_DESCRIPTOR_SET);
        match config.http_listen {
            None => calls.serve(&runtime, routes).await,
            Some(listen) => {
                let slow = config.slow;
                let router = Router::new()
                    .route("/echo/{word}", get(|| async { "echo" }))
                    .route("/slow", get(move || async move { tokio::time::sleep(slow).await }))
                    .route("/talk", get(talking))
                    .route("/panic", get(panicking));
                let pages = http::Server::new(listen)
                    .header_timeout(Duration::from_millis(300))
                    .max_connections_from_one_address(config.connections_per_address)
                    .identity(config.http_identity);
                tokio::try_join!(calls.serve(&runtime, routes), pages.serve(&runtime, router))?;
                Ok(())
            }
        }
    }
}

/// Says more than any pipe and any queue holds.
async fn talking() {
    for sentence in 0..10_000 {
        tracing::info!(sentence, "the handler talks and talks");
    }
}

async fn panicking() {
    panic!("the handler panics on purpose");
}

#[derive(Clone)]
struct Calls {
    slow: Duration,
}

impl NamedService for Calls {
    const NAME: &'static str = "lyceum.probe.v1.ProbeService";
}

impl tower::Service<::http::Request<Body>> for Calls {
    type Response = ::http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ::http::Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let answer = Answer { method, slow: self.slow };
        Box::pin(async move {
            if !["Echo", "Slow", "Panic"].contains(&answer.method.as_str()) {
                return Ok(Status::unimplemented("").into_http());
            }
            Ok(Grpc::new(ProstCodec::default()).unary(answer, request).await)
        })
    }
}

struct Answer {
    method: String,
    slow: Duration,
}

impl UnaryService<()> for Answer {
    type Response = ();
    type Future = BoxFuture<'static, Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let (method, slow) = (self.method.clone(), self.slow);
        Box::pin(async move {
            tracing::info!(method, answer.count = 1, "{method} was called");
            match method.as_str() {
                "Slow" => tokio::time::sleep(slow).await,
                "Panic" => panic!("the call panics on purpose"),
                _ => {}
            }
            Ok(Response::new(()))
        })
    }
}
