//! The proxy in front of an S3 server: transparent to a real one, and at fault when it is told to be.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
};
use reqwest::StatusCode;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde_json::json;
use testkit::{eventually, stores};
use tokio::task::JoinSet;

use super::helpers::{PATIENCE, Sandbox};

const LIFE: Duration = Duration::from_secs(60);

/// A server that keeps what it is asked and answers with 100,000 bytes.
struct Upstream {
    url: String,
    asked: Asked,
    _serving: JoinSet<()>,
}

type Asked = Arc<Mutex<Vec<(Method, String, String, usize)>>>;

async fn keep(State(asked): State<Asked>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
    let host = headers["host"].to_str().unwrap().to_owned();
    asked.lock().unwrap().push((method, uri.to_string(), host, body.len()));
    "x".repeat(100_000)
}

impl Upstream {
    async fn open() -> Self {
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(keep).with_state(Arc::clone(&asked));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, _serving: serving }
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn sandbox(upstream: &str) -> Sandbox {
    Sandbox::start(&[("SANDBOX_S3_LISTEN", "127.0.0.1:0"), ("SANDBOX_S3_UPSTREAM", upstream)]).await
}

#[tokio::test]
async fn signed_requests_pass_through_to_a_real_server() {
    let s3 = &stores().s3;
    let sandbox = sandbox(&s3.url).await;
    let bucket = format!("sandbox-{}", uuid::Uuid::new_v4().simple());
    let bucket = Bucket::new(sandbox.s3.parse().unwrap(), UrlStyle::Path, bucket, s3.region.clone()).unwrap();
    let key = Credentials::new(s3.access_key.clone(), s3.secret_key.clone());
    let made = sandbox.client.put(bucket.create_bucket(&key).sign(LIFE)).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::OK);

    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let put = sandbox.client.put(bucket.put_object(Some(&key), "папка/файл +1").sign(LIFE));
    assert_eq!(put.body(body.clone()).send().await.unwrap().status(), StatusCode::OK);
    let get = bucket.get_object(Some(&key), "папка/файл +1").sign(LIFE);
    let got = sandbox.client.get(get.clone()).send().await.unwrap();
    assert_eq!(got.headers()["content-length"], "3000000");
    assert!(got.bytes().await.unwrap() == body);
    let part = sandbox.client.get(get).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), body[10..20]);

    sandbox.fault(json!({"on": "s3.GET", "kind": "wrong-body"})).await;
    let get = bucket.get_object(Some(&key), "папка/файл +1").sign(LIFE);
    let wrong = sandbox.client.get(get).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(wrong.len(), body.len());
    assert!(wrong != body, "a bit is wrong");

    let removed = sandbox.client.delete(bucket.delete_object(Some(&key), "папка/файл +1").sign(LIFE)).send().await;
    assert_eq!(removed.unwrap().status(), StatusCode::NO_CONTENT);
    let deleted = sandbox.client.delete(bucket.delete_bucket(&key).sign(LIFE)).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_error_is_answered_without_an_effect_and_only_where_it_was_asked_for() {
    let upstream = Upstream::open().await;
    let sandbox = sandbox(&upstream.url).await;
    let put = async |path: &str| {
        sandbox.client.put(format!("{}{path}", sandbox.s3)).body("body").send().await.unwrap().status().as_u16()
    };
    for (kind, status) in [("500", 500), ("503", 503), ("429", 429)] {
        let fault = json!({"on": "s3.PUT", "kind": kind, "containing": "/media/"});
        assert_eq!(sandbox.fault(fault).await, StatusCode::CREATED);
        assert_eq!(put("/lyceum/papers/1").await, 200);
        let before = upstream.count();
        assert_eq!(put("/lyceum/media/1").await, status);
        assert_eq!(upstream.count(), before);
        assert_eq!(put("/lyceum/media/1").await, 200, "it was for once");
    }
    let (_, target, host, length) = upstream.asked.lock().unwrap().last().unwrap().clone();
    assert_eq!((target.as_str(), length), ("/lyceum/media/1", 4));
    assert_eq!(format!("http://{host}"), sandbox.s3, "the host that was signed");
    assert_eq!(sandbox.fault(json!({"on": "s3.HEAD", "kind": "cut-reply"})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sandbox.fault(json!({"on": "s3.put", "kind": "500"})).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_answer_is_lost_after_the_effect() {
    let upstream = Upstream::open().await;
    let sandbox = sandbox(&upstream.url).await;
    sandbox.fault(json!({"on": "s3", "kind": "drop-reply"})).await;
    let sent = sandbox.client.put(format!("{}/lyceum/1", sandbox.s3)).body("body").send().await;
    assert!(sent.is_err(), "not even a status comes back");
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn a_connection_breaks_in_the_middle_of_either_body() {
    let upstream = Upstream::open().await;
    let sandbox = sandbox(&upstream.url).await;
    sandbox.fault(json!({"on": "s3.GET", "kind": "cut-reply"})).await;
    let mut half = sandbox.client.get(format!("{}/lyceum/1", sandbox.s3)).send().await.unwrap();
    assert_eq!((half.status(), half.content_length()), (StatusCode::OK, Some(100_000)));
    let mut received = 0;
    let broken = loop {
        match half.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken);
    assert!(received > 0 && received < 100_000, "{received}");

    sandbox.fault(json!({"on": "s3.PUT", "kind": "cut-upload"})).await;
    let before = upstream.count();
    let sent = sandbox.client.put(format!("{}/lyceum/1", sandbox.s3)).body(vec![0; 1_000_000]).send().await;
    assert!(sent.is_err());
    assert_eq!(upstream.count(), before, "a server does nothing with half a body");
}

#[tokio::test]
async fn an_answer_comes_late_or_never() {
    let upstream = Upstream::open().await;
    let sandbox = sandbox(&upstream.url).await;
    sandbox.fault(json!({"on": "s3", "kind": "never"})).await;
    let never = sandbox.client.get(format!("{}/lyceum/1", sandbox.s3)).timeout(Duration::from_millis(200));
    assert!(never.send().await.unwrap_err().is_timeout());
    assert_eq!(upstream.count(), 0);
    sandbox.fault(json!({"on": "s3", "kind": "slow", "delayMs": 300})).await;
    let late = sandbox.client.get(format!("{}/lyceum/1", sandbox.s3)).timeout(Duration::from_millis(150));
    assert!(late.send().await.unwrap_err().is_timeout());
    sandbox.fault(json!({"on": "s3", "kind": "slow", "delayMs": 10})).await;
    eventually("the slow answer", PATIENCE, async || {
        sandbox.client.get(format!("{}/lyceum/1", sandbox.s3)).send().await.is_ok().then_some(())
    })
    .await;
}
