//! Channels against real servers that come, go, break and come back, and against an API server of Kubernetes that
//! does the same.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tasks of a test end with it")]

mod api_server;
mod fixed;
mod helpers;
mod interrupted;
mod kubernetes;
