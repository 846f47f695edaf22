//! The outside world in one process: a bank, a mail server, a Document System and a trace collector, written from their public
//! documents, with switchable faults, and a proxy that puts such faults in front of a real S3 server.
//!
//! Services cannot tell it from the real thing; only addresses and keys differ. State is in memory: a restart empties the world.
//! Reading order: config, world, tbank, mail, docverify, s3, traces, fault, index.

mod config;
mod docverify;
mod fault;
mod html;
mod index;
mod mail;
mod s3;
mod tbank;
mod traces;
mod world;

use std::process::ExitCode;

use axum::Router;
use tokio::net::TcpListener;

use crate::{config::Config, world::World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    // reqwest takes the process's TLS provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config::from_env()?;
    let http = TcpListener::bind(config.http_listen).await?;
    let smtp = TcpListener::bind(config.smtp_listen).await?;
    let otlp = match config.otlp_listen {
        Some(at) => Some(TcpListener::bind(at).await?),
        None => None,
    };
    let s3 = match &config.s3 {
        Some(s3) => Some((TcpListener::bind(s3.listen).await?, s3.clone())),
        None => None,
    };
    let here = http.local_addr()?;
    let store = match &s3 {
        Some((listener, _)) => format!(" and s3 at http://{}", listener.local_addr()?),
        None => String::new(),
    };
    println!("sandbox: http://{here} and smtp://{}{store}", smtp.local_addr()?);
    let world = World::new(config, here);
    let app = Router::new()
        .merge(index::routes())
        .merge(tbank::routes())
        .merge(mail::routes())
        .merge(docverify::routes())
        .merge(traces::routes())
        .merge(fault::routes())
        .with_state(world.clone());
    tokio::select! {
        served = axum::serve(http, app) => served?,
        served = mail::serve(smtp, world.clone()) => served?,
        served = docverify::serve(world.config().amqp_url.clone(), world.clone()) => served?,
        served = s3::serve(s3, world.clone()) => served?,
        served = traces::serve(otlp, world) => served?,
        _ = stopped() => {}
    }
    Ok(())
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
