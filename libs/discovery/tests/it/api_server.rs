//! An API server that knows nothing but EndpointSlices: it lists and watches them as Kubernetes does, over HTTP.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

use crate::helpers::apart;

/// Dropped, it is gone with its connections; what it knew stays in [`Knowledge`].
pub struct ApiServer {
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

/// The objects, and everything that ever happened to them.
#[derive(Clone)]
pub struct Knowledge(Arc<Inner>);

struct Inner {
    now: Mutex<Now>,
    version: watch::Sender<usize>,
    /// How many lists and watches there were.
    pub lists: AtomicU32,
    pub watches: AtomicU32,
    /// Versions before this one are forgotten.
    forgotten: Mutex<usize>,
}

#[derive(Default)]
struct Now {
    slices: BTreeMap<String, Value>,
    events: Vec<Value>,
}

impl Knowledge {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            now: Mutex::default(),
            version: watch::Sender::new(0),
            lists: AtomicU32::new(0),
            watches: AtomicU32::new(0),
            forgotten: Mutex::new(0),
        }))
    }

    /// A slice of `users` with one endpoint.
    pub fn put(&self, name: &str, port: u16, conditions: &Value) {
        let endpoints = json!([{ "addresses": ["127.0.0.1"], "conditions": conditions }]);
        let labels = json!({ "kubernetes.io/service-name": "users" });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "name": name, "namespace": "school", "labels": labels },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{ "name": "grpc", "port": port, "protocol": "TCP" }],
        });
        let before = self.0.now.lock().unwrap().slices.contains_key(name);
        self.happen(if before { "MODIFIED" } else { "ADDED" }, slice);
    }

    pub fn delete(&self, name: &str) {
        let slice = self.0.now.lock().unwrap().slices[name].clone();
        self.happen("DELETED", slice);
    }

    fn happen(&self, kind: &str, mut slice: Value) {
        let mut now = self.0.now.lock().unwrap();
        let version = now.events.len() + 1;
        slice["metadata"]["resourceVersion"] = json!(version.to_string());
        let name = slice["metadata"]["name"].as_str().unwrap().to_owned();
        match kind {
            "DELETED" => drop(now.slices.remove(&name)),
            _ => drop(now.slices.insert(name, slice.clone())),
        }
        now.events.push(json!({ "type": kind, "object": slice }));
        self.0.version.send_replace(version);
    }

    /// Ends all watches and answers 410 to whoever wants to go on from here.
    pub fn forget(&self) {
        *self.0.forgotten.lock().unwrap() = self.0.now.lock().unwrap().events.len() + 1;
        self.0.version.send_modify(|_| {});
    }

    pub fn lists(&self) -> u32 {
        self.0.lists.load(Ordering::SeqCst)
    }

    pub fn watches(&self) -> u32 {
        self.0.watches.load(Ordering::SeqCst)
    }
}

impl ApiServer {
    /// Where the system or the test wants it.
    pub fn start(knowledge: &Knowledge, address: &str) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let path = "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices";
        let router = Router::new().route(path, get(answer)).with_state(knowledge.clone());
        let runtime = apart();
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), router).await });
        Self { address, runtime: Some(runtime) }
    }

    /// How it is reached from a pod in the namespace `school`.
    pub fn config(&self) -> kube::Config {
        let mut config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        "school".clone_into(&mut config.default_namespace);
        config
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(
    State(knowledge): State<Knowledge>,
    Path(namespace): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    assert_eq!(namespace, "school");
    assert_eq!(query["labelSelector"], "kubernetes.io/service-name=users");
    if query.get("watch").is_none_or(|watch| watch != "true") {
        knowledge.0.lists.fetch_add(1, Ordering::SeqCst);
        let now = knowledge.0.now.lock().unwrap();
        let items: Vec<_> = now.slices.values().cloned().collect();
        let metadata = json!({ "resourceVersion": now.events.len().to_string() });
        let list = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": metadata, "items": items,
        });
        return Json(list).into_response();
    }
    let seen: usize = query["resourceVersion"].parse().unwrap();
    if seen < *knowledge.0.forgotten.lock().unwrap() {
        // Only once: whoever lists again may watch from there.
        *knowledge.0.forgotten.lock().unwrap() = 0;
        let gone = json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Expired", "code": 410,
            "message": "too old resource version",
        });
        return (StatusCode::GONE, Json(gone)).into_response();
    }
    knowledge.0.watches.fetch_add(1, Ordering::SeqCst);
    let version = knowledge.0.version.subscribe();
    let events = futures::stream::unfold((knowledge, version, seen), |(knowledge, mut version, seen)| async move {
        loop {
            if *knowledge.0.forgotten.lock().unwrap() > 0 {
                return None;
            }
            let event = knowledge.0.now.lock().unwrap().events.get(seen).cloned();
            if let Some(event) = event {
                let line = Bytes::from(format!("{event}\n"));
                return Some((Ok::<_, Infallible>(line), (knowledge, version, seen + 1)));
            }
            version.changed().await.ok()?;
        }
    });
    Body::from_stream(events).into_response()
}
