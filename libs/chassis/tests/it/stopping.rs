//! How a process ends: readiness first, then the port, then what was in flight, all within the deadline.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use tonic::{Code, Request};

use super::helpers::{PATIENCE, Probe, eventually, get};

#[test]
fn a_process_is_ready_when_it_serves_and_every_check_passes() {
    let warm = std::env::temp_dir().join(format!("chassis-warm-{}", std::process::id()));
    let probe = Probe::start(&[("LYCEUM_WARM_FILE", warm.to_str().unwrap())]);
    let (status, _, body) = get(probe.admin, "/readyz").unwrap();
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let checks = serde_json::json!({ "serving": "ok", "not-draining": "ok", "warm": "still cold" });
    assert_eq!(body, serde_json::json!({ "status": "not ready", "checks": checks }));
    assert_eq!(get(probe.admin, "/livez").unwrap().0, 200);

    std::fs::write(&warm, "").unwrap();
    let (status, head, body) = get(probe.admin, "/readyz").unwrap();
    std::fs::remove_file(&warm).unwrap();
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(body.contains(r#""warm":"ok""#) && body.contains(r#""status":"ready""#), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_is_finished_while_new_connections_are_refused() {
    let mut probe = Probe::start(&[("LYCEUM_SLOW", "1500ms")]);
    let (grpc, http) = (probe.grpc, probe.http);
    let slow_page = std::thread::spawn(move || get(http, "/slow"));
    eventually("in flight", || probe.metric("http_server_in_flight", &[]).filter(|line| line.ends_with(" 1")));
    let mut calls = probe.call_slowly();
    probe.signal("TERM");
    eventually("the port is closed", || TcpStream::connect(grpc).err());
    let (status, _, body) = get(probe.admin, "/readyz").unwrap();
    assert_eq!(status, 503);
    assert!(body.contains(r#""not-draining":"draining""#), "{body}");
    assert_eq!(get(probe.admin, "/livez").unwrap().0, 200);

    calls.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(slow_page.join().unwrap().unwrap().0, 200);
    assert_eq!(probe.ended().code(), Some(0));
    assert!(probe.line("probe has stopped").is_some());
}

#[test]
fn during_the_drain_delay_calls_are_still_taken_though_readiness_is_gone() {
    let mut probe = Probe::start(&[("LYCEUM_DRAIN", "1s"), ("LYCEUM_STOP_DEADLINE", "10s")]);
    eventually("ready", || get(probe.admin, "/readyz").filter(|(status, ..)| *status == 200));
    let told = Instant::now();
    probe.signal("TERM");
    eventually("not ready", || get(probe.admin, "/readyz").filter(|(status, ..)| *status == 503));
    assert_eq!(get(probe.http, "/echo/x").expect("the door is open during the delay").0, 200);
    assert_eq!(probe.ended().code(), Some(0));
    assert!(told.elapsed() >= Duration::from_secs(1));
}

#[test]
fn during_the_drain_delay_http_1_clients_are_told_to_connect_anew() {
    let mut probe = Probe::start(&[("LYCEUM_DRAIN", "1s"), ("LYCEUM_STOP_DEADLINE", "10s")]);
    let mut kept = TcpStream::connect(probe.http).unwrap();
    let head = ask_again(&mut kept);
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("connection: close"), "{head}");
    probe.signal("TERM");
    eventually("not ready", || get(probe.admin, "/readyz").filter(|(status, ..)| *status == 503));
    let head = ask_again(&mut kept);
    assert!(head.contains("HTTP/1.1 200") && head.contains("connection: close"), "{head}");
    assert_eq!(probe.ended().code(), Some(0));
}

/// Asks on a connection that may be kept; gives the answer's head, perhaps after the body of the one before.
fn ask_again(kept: &mut TcpStream) -> String {
    write!(kept, "GET /echo/x HTTP/1.1\r\nHost: probe\r\n\r\n").unwrap();
    let (mut read, mut buffer) = (String::new(), [0; 1024]);
    while !read.contains("\r\n\r\n") {
        let count = kept.read(&mut buffer).unwrap();
        assert!(count > 0, "closed after: {read}");
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_finish_is_abandoned_within_the_deadline() {
    let mut probe = Probe::start(&[("LYCEUM_SLOW", "9s"), ("LYCEUM_STOP_DEADLINE", "1s")]);
    let mut calls = probe.call_slowly();
    let told = Instant::now();
    probe.signal("INT");
    calls.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(probe.ended().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(6), "{:?}", told.elapsed());
    assert!(probe.line("abandoned 1 connections").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once() {
    let mut probe = Probe::start(&[("LYCEUM_SLOW", "9s")]);
    let mut calls = probe.call_slowly();
    probe.signal("TERM");
    eventually("stopping", || probe.line("stopping on SIGTERM"));
    probe.signal("TERM");
    calls.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(probe.ended().code(), Some(130));
    assert!(probe.line("told again to stop").is_some());
}

#[test]
fn a_task_that_fails_stops_the_process_with_an_error() {
    let mut probe = Probe::spawn(&[("LYCEUM_FAILING_TASK", "true")]);
    assert_eq!(probe.ended().code(), Some(1));
    let line = probe.line("task doomed failed").unwrap();
    assert_eq!(line["error.message"], "failed: no luck");
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_health_follows_readiness() {
    let mut probe = Probe::start(&[]);
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", probe.grpc)).unwrap().connect_lazy();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let watching = health.watch(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    let mut statuses = watching.into_inner();
    let mut seen = Vec::new();
    while seen.last() != Some(&1) {
        seen.push(tokio::time::timeout(PATIENCE, statuses.message()).await.unwrap().unwrap().unwrap().status);
    }
    let told = Instant::now();
    probe.signal("TERM");
    while let Ok(Some(message)) = tokio::time::timeout(PATIENCE, statuses.message()).await.unwrap() {
        assert_eq!(message.status, 2, "not serving is the only other thing to hear");
    }
    assert_eq!(probe.ended().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(5), "a stop does not wait for those who watch");
}

#[test]
fn a_connection_that_does_not_finish_its_head_is_closed() {
    let probe = Probe::start(&[]);
    let mut stream = TcpStream::connect(probe.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /echo/x HTTP/1.1\r\nHost: pro").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_beyond_its_deadline_is_told_so() {
    let probe = Probe::start(&[("LYCEUM_SLOW", "9s")]);
    let mut request = Request::new(());
    request.metadata_mut().insert("grpc-timeout", "200m".parse().unwrap());
    assert_eq!(probe.call("Slow", request).await.unwrap_err().code(), Code::DeadlineExceeded);
}
