//! What the environment says; everything has a default that suits trying it by hand.

use std::{env, net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use axum::http::Uri;

/// Settings of the simulated world.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// `SANDBOX_HTTP_LISTEN`: the bank, the inbox and the controls.
    pub(crate) http_listen: SocketAddr,
    /// `SANDBOX_SMTP_LISTEN`: the mail server.
    pub(crate) smtp_listen: SocketAddr,
    /// `SANDBOX_OTLP_LISTEN`: the trace collector; none when it is not set.
    pub(crate) otlp_listen: Option<SocketAddr>,
    /// `SANDBOX_S3_LISTEN` and `SANDBOX_S3_UPSTREAM`: the proxy in front of an S3 server; none when they are not set.
    pub(crate) s3: Option<S3>,
    /// `SANDBOX_AMQP_URL`: the broker on which the Document System is asked; none when it is not set.
    pub(crate) amqp_url: Option<String>,
    /// `SANDBOX_PUBLIC_URL`: where a payer's browser finds the bank, if not where it listens.
    pub(crate) public_url: Option<String>,
    /// `SANDBOX_TERMINAL`: the school's name at the bank.
    pub(crate) terminal: String,
    /// `SANDBOX_PASSWORD`: what the school and the bank sign with.
    pub(crate) password: String,
    /// `SANDBOX_RETRY_MS`: how soon an unanswered notification is repeated; an hour at the real bank.
    pub(crate) retry: Duration,
    /// `SANDBOX_REPEATED_ORDERS=allow`: a setting of the terminal; by default a repeated OrderId is error 20.
    pub(crate) repeated_orders: bool,
}

/// Where the S3 server is met, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    pub(crate) listen: SocketAddr,
    pub(crate) upstream: Uri,
}

impl Config {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let or = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
        // Whoever can reach the sandbox pays with other people's cards and reads other people's mails.
        let open = match or("SANDBOX_OPEN", "no").as_str() {
            "yes" => true,
            "no" => false,
            other => bail!("SANDBOX_OPEN is {other}, expected yes or no"),
        };
        let listen = |name: &str, default: &str| -> anyhow::Result<SocketAddr> {
            let at: SocketAddr =
                or(name, default).parse().with_context(|| format!("{name} is no address like {default}"))?;
            ensure!(open || at.ip().is_loopback(), "{name}: the sandbox answers only on this machine");
            Ok(at)
        };
        Ok(Self {
            http_listen: listen("SANDBOX_HTTP_LISTEN", "127.0.0.1:8025")?,
            smtp_listen: listen("SANDBOX_SMTP_LISTEN", "127.0.0.1:1025")?,
            otlp_listen: match env::var("SANDBOX_OTLP_LISTEN") {
                Ok(at) => Some(listen("SANDBOX_OTLP_LISTEN", &at)?),
                Err(_) => None,
            },
            s3: match (env::var("SANDBOX_S3_LISTEN"), env::var("SANDBOX_S3_UPSTREAM")) {
                (Ok(at), Ok(upstream)) => {
                    let upstream: Uri = upstream.parse().context("SANDBOX_S3_UPSTREAM is no address")?;
                    ensure!(
                        upstream.scheme_str() == Some("http"),
                        "SANDBOX_S3_UPSTREAM is no address like http://127.0.0.1:3900"
                    );
                    Some(S3 { listen: listen("SANDBOX_S3_LISTEN", &at)?, upstream })
                }
                (Err(_), Err(_)) => None,
                _ => bail!("SANDBOX_S3_LISTEN and SANDBOX_S3_UPSTREAM belong together"),
            },
            amqp_url: env::var("SANDBOX_AMQP_URL").ok(),
            public_url: env::var("SANDBOX_PUBLIC_URL").ok(),
            terminal: or("SANDBOX_TERMINAL", "SandboxDEMO"),
            password: or("SANDBOX_PASSWORD", "sandbox-password"),
            retry: Duration::from_millis(
                or("SANDBOX_RETRY_MS", "1000").parse().context("SANDBOX_RETRY_MS is no number")?,
            ),
            repeated_orders: match or("SANDBOX_REPEATED_ORDERS", "refuse").as_str() {
                "allow" => true,
                "refuse" => false,
                other => bail!("SANDBOX_REPEATED_ORDERS is {other}, expected refuse or allow"),
            },
        })
    }
}
