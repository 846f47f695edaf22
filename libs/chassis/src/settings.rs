//! What is configured in the same way for every service. What one service needs is in its own `config.rs`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    str::FromStr,
    time::Duration,
};

use tracing_subscriber::filter::Targets;
use url::Url;

use crate::Env;

/// The settings that the chassis itself reads.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `LYCEUM_ADMIN_LISTEN`: where /livez, /readyz and /metrics are; 127.0.0.1:9090.
    pub admin_listen: SocketAddr,
    /// `LYCEUM_LOG`: a level, or levels by module such as `info,courses=debug`; `info`.
    pub log: Targets,
    /// `LYCEUM_LOG_FORMAT`: `json` or `text`; text when standard output is a terminal.
    pub log_format: LogFormat,
    /// `LYCEUM_TLS_CERT_FILE`, `LYCEUM_TLS_KEY_FILE`, `LYCEUM_TLS_CA_FILE`: who this process is among its neighbours,
    /// and whom it trusts.
    pub tls: tls::Identity,
    /// `LYCEUM_TLS_RELOAD`: how often the files of certificates are looked at; 10s.
    pub tls_reload: Duration,
    /// `LYCEUM_OTLP_ENDPOINT`: where traces go over OTLP/gRPC; nowhere when it is not set.
    pub otlp_endpoint: Option<Url>,
    /// `LYCEUM_TRACE_RATIO`: which part of the traces that begin here is kept, 0 to 1; all.
    pub trace_ratio: Ratio,
    /// `LYCEUM_DRAIN`: how long the service goes on accepting after readiness dropped, so that load balancers notice;
    /// 0. HTTP/1 clients are told meanwhile to connect anew.
    pub drain: Duration,
    /// `LYCEUM_STOP_DEADLINE`: how long a stop may take altogether; 20s.
    pub stop_deadline: Duration,
    /// `LYCEUM_THREADS`: threads that run async code; 2.
    pub threads: NonZeroUsize,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Automatic,
    /// One JSON object with ECS names a line.
    Json,
    /// For the eyes.
    Text,
}

/// A part of the whole: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio(f64);

impl Ratio {
    /// The whole.
    pub const ALL: Self = Self(1.0);
    /// Nothing.
    pub const NONE: Self = Self(0.0);

    /// The number, 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A text that is not a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 0 to 1, such as 0.1")]
pub struct NotARatio;

impl FromStr for Ratio {
    type Err = NotARatio;

    fn from_str(text: &str) -> Result<Self, NotARatio> {
        let number: f64 = text.parse().map_err(|_| NotARatio)?;
        if (0.0..=1.0).contains(&number) { Ok(Self(number)) } else { Err(NotARatio) }
    }
}

impl Settings {
    /// Reads the settings; mistakes are recorded in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let admin_listen = env.or("LYCEUM_ADMIN_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)));
        let log = env.or("LYCEUM_LOG", Targets::new().with_default(tracing::Level::INFO));
        let formats = [("auto", LogFormat::Automatic), ("json", LogFormat::Json), ("text", LogFormat::Text)];
        let log_format = env.choice("LYCEUM_LOG_FORMAT", &formats);
        let tls = env.identity("fleet", ["LYCEUM_TLS_CERT_FILE", "LYCEUM_TLS_KEY_FILE", "LYCEUM_TLS_CA_FILE"]);
        let tls_reload = env.duration("LYCEUM_TLS_RELOAD", Duration::from_secs(10));
        if tls_reload.is_some_and(|every| every.is_zero()) {
            env.refuse("LYCEUM_TLS_RELOAD", "is refused, expected more than 0");
        }
        let otlp_endpoint = env.optional_url("LYCEUM_OTLP_ENDPOINT", &["http", "https"]);
        let trace_ratio = env.or("LYCEUM_TRACE_RATIO", Ratio::ALL);
        let drain = env.duration("LYCEUM_DRAIN", Duration::ZERO);
        let stop_deadline = env.duration("LYCEUM_STOP_DEADLINE", Duration::from_secs(20));
        let threads = env.or("LYCEUM_THREADS", NonZeroUsize::MIN.saturating_add(1));
        if let (Some(drain), Some(deadline)) = (drain, stop_deadline)
            && drain >= deadline
        {
            env.refuse("LYCEUM_DRAIN", "is not shorter than LYCEUM_STOP_DEADLINE, expected time left to finish in");
        }
        Some(Self {
            admin_listen: admin_listen?,
            log: log?,
            log_format: log_format?,
            tls: tls?,
            tls_reload: tls_reload?,
            otlp_endpoint: otlp_endpoint?,
            trace_ratio: trace_ratio?,
            drain: drain?,
            stop_deadline: stop_deadline?,
            threads: threads?,
        })
    }
}
