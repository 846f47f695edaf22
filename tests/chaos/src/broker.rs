//! RabbitMQ's management API.

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::fleet::Fleet;

impl Fleet {
    /// Calls the management API; the path comes after `/api/`.
    pub async fn broker(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let address: Url = self.stores.amqp.parse().context("the broker's address")?;
        let url = format!("{}/api/{path}", self.stores.rabbitmq_management);
        let mut request = self.http.request(method, url).basic_auth(address.username(), address.password());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?.error_for_status()?;
        if matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::CREATED) {
            return Ok(Value::Null);
        }
        Ok(answer.json().await?)
    }
}
