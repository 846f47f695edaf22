//! A bucket of the S3 server for one test.

use std::time::Duration;

use reqwest::Method;
use rusty_s3::{
    Bucket as Place, Credentials, S3Action, UrlStyle,
    actions::{CreateBucket, DeleteBucket, DeleteObject, ListObjectsV2},
};
use uuid::Uuid;

use crate::{broker::in_the_background, stores};

/// Long enough for a call, too short for anything else.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// A bucket of its own in the shared S3 server; deleted with everything in it on drop.
#[derive(Debug)]
pub struct Bucket {
    /// What services take as `LYCEUM_S3_BUCKET`.
    pub name: String,
}

/// A client for plain HTTP. reqwest wants a TLS provider even for that; whoever came first has installed the same one.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Bucket {
    /// Creates the bucket.
    pub async fn new() -> Self {
        let name = format!("test-{}", Uuid::new_v4().simple());
        let (place, key) = place(&name);
        let url = CreateBucket::new(&place, &key).sign(SIGNED_FOR);
        let answer = http().request(Method::PUT, url).header("content-length", 0).send().await;
        let answer = answer.unwrap_or_else(|e| panic!("the S3 server does not answer: {}", e.without_url()));
        let status = answer.status();
        assert!(status.is_success(), "a bucket is not created: {status} {}", answer.text().await.unwrap_or_default());
        Self { name }
    }

    /// The keys of everything in it, in order; up to a thousand.
    pub async fn objects(&self) -> Vec<String> {
        objects(&self.name).await
    }

    /// Deletes one object behind everybody's back.
    pub async fn lose(&self, object: &str) {
        delete(&self.name, object).await;
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let name = self.name.clone();
        in_the_background(async move {
            for object in objects(&name).await {
                delete(&name, &object).await;
            }
            let (place, key) = place(&name);
            let url = DeleteBucket::new(&place, &key).sign(SIGNED_FOR);
            // A bucket that stays costs nothing but a name.
            let _ = http().delete(url).send().await;
        });
    }
}

fn place(name: &str) -> (Place, Credentials) {
    let s3 = &stores().s3;
    let url = s3.url.parse().expect("the S3 server's address is a URL");
    let place = Place::new(url, UrlStyle::Path, name.to_owned(), s3.region.clone());
    (
        place.expect("the S3 server's address can be used"),
        Credentials::new(s3.access_key.clone(), s3.secret_key.clone()),
    )
}

async fn objects(name: &str) -> Vec<String> {
    let (place, key) = place(name);
    let url = ListObjectsV2::new(&place, Some(&key)).sign(SIGNED_FOR);
    let answer = http().get(url).send().await.expect("the S3 server lists objects");
    let body = answer.text().await.expect("a list is a text");
    let listed = ListObjectsV2::parse_response(&body).unwrap_or_else(|e| panic!("a list cannot be read: {e}: {body}"));
    listed.contents.into_iter().map(|object| object.key).collect()
}

async fn delete(name: &str, object: &str) {
    let (place, key) = place(name);
    let _ = http().delete(DeleteObject::new(&place, Some(&key), object).sign(SIGNED_FOR)).send().await;
}
