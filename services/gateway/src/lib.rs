//! The only door from the Internet: REST outside, gRPC inside. It owns nothing durable and decides nothing about the
//! school.
//!
//! - `config`, `app`, `router`: how it is put together
//! - `frame`: what is around every request; `problem`: how anything is refused
//! - `origin`, `limits`, `revoked`, `keys`, `admit`: where a request comes from, how often, and whose it is
//! - `call`, `body`, `parameter`, `answer`, `file`, `etag`: what the generated `routes` lean on
//! - `session`, `hooks`, `pages`, `docs`: the doors that are not rpcs; `verb`: what an operator does at the command
//!   line

mod app;
mod config;
mod router;

mod frame;
mod problem;

mod admit;
mod keys;
mod limits;
mod origin;
mod revoked;

mod answer;
mod body;
mod etag;
mod file;
// Public, so that what no rpc of the present contract needs is not taken for forgotten.
pub mod call;
pub mod parameter;
mod routes;

mod docs;
mod hooks;
mod pages;
mod session;

mod verb;

pub use app::Gateway;
pub use docs::OPENAPI;
