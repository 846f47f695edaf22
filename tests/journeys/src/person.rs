//! Somebody with a browser: a visitor, or a person with an access token.

use reqwest::{Method, header::AUTHORIZATION};
use serde_json::Value;

use crate::{Answer, School, new_key};

/// A caller of the REST API.
#[derive(Debug, Clone)]
pub struct Person {
    /// The school that is called.
    pub school: School,
    /// The access token of somebody who signed in.
    pub token: Option<String>,
    /// The refresh token that belongs to it.
    pub refresh_token: String,
    /// The person's address; empty for a visitor.
    pub email: String,
    /// The person's id; empty for a visitor.
    pub user_id: String,
}

impl Person {
    /// Asks for a resource.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Creates something or does something, with an idempotency key of its own.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_keyed(path, &new_key(), body).await
    }

    /// The same under a given idempotency key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string()), &[("idempotency-key", key)]).await
    }

    /// Replaces something.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string()), &[]).await
    }

    /// Changes some fields.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string()), &[]).await
    }

    /// Anything else: the raw body and headers are the test's own business.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.school.http.request(method.clone(), self.school.address(path));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.body(body);
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/json");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let asked = format!("{method} {path}");
        let response = request.send().await.unwrap_or_else(|e| panic!("{asked}: {e}"));
        Answer::read(asked, response).await
    }
}
