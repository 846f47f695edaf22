//! A RabbitMQ virtual host for one test.

use reqwest::{Client, Method, StatusCode};
use url::Url;
use uuid::Uuid;

use crate::stores;

/// A virtual host of its own in the shared broker; deleted with everything in it on drop.
#[derive(Debug)]
pub struct Broker {
    /// What services take as `LYCEUM_AMQP_URL`.
    pub url: String,
    vhost: String,
}

impl Broker {
    /// Creates the virtual host.
    pub async fn new() -> Self {
        let vhost = format!("test-{}", Uuid::new_v4().simple());
        manage(Method::PUT, &format!("api/vhosts/{vhost}")).await;
        let mut url = Url::parse(&stores().amqp).expect("the broker's address is a URL");
        let user = url.username().to_owned();
        manage_with(
            Method::PUT,
            &format!("api/permissions/{vhost}/{user}"),
            r#"{"configure":".*","write":".*","read":".*"}"#,
        )
        .await;
        // As every broker of a fleet has it: see libs/bus/STORES.md.
        manage_with(
            Method::PUT,
            &format!("api/policies/{vhost}/kept"),
            r#"{"pattern":"\\.(dead-letters|unrouted)$","apply-to":"queues","definition":{"delivery-limit":2147483647}}"#,
        )
        .await;
        url.set_path(&vhost);
        Self { url: url.into(), vhost }
    }

    /// Cuts every connection to this host, as a restarting broker does.
    pub async fn cut_connections(&self) {
        let list = manage(Method::GET, &format!("api/vhosts/{}/connections", self.vhost)).await;
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap_or_default();
        for name in list.iter().filter_map(|c| c["name"].as_str()) {
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            manage(Method::DELETE, &format!("api/connections/{}", name.replace('+', "%20"))).await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let path = format!("api/vhosts/{}", self.vhost);
        in_the_background(async move {
            manage(Method::DELETE, &path).await;
        });
    }
}

async fn manage(method: Method, path: &str) -> String {
    manage_with(method, path, "").await
}

async fn manage_with(method: Method, path: &str, body: &str) -> String {
    // reqwest wants a TLS provider even for plain HTTP; whoever came first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let amqp = Url::parse(&stores().amqp).expect("the broker's address is a URL");
    let answer = Client::new()
        .request(method.clone(), format!("{}/{path}", stores().rabbitmq_management.trim_end_matches('/')))
        .basic_auth(amqp.username(), amqp.password())
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
        .unwrap_or_else(|e| panic!("RabbitMQ's management API does not answer: {e}"));
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{method} {path}: {status} {text}");
    text
}

/// Cleaning up must work in `drop`, inside or outside a runtime that may be ending.
pub(crate) fn in_the_background(work: impl Future<Output = ()> + Send + 'static) {
    let cleaner = std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(work);
        }
    });
    // A failure to clean up must not hide the test's own result.
    let _ = cleaner.join();
}
