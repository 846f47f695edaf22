//! The routes of the contract. Their text is generated when the gateway is built; this is what it stands on.

use std::sync::Arc;

use auth::Channel;
use axum::{Router, response::Response, routing::MethodRouter};
use proto::METHODS;
use rpc::client::{retry, retry_keyed};

use crate::{
    app::App,
    call::Call,
    parameter::{self, Took},
    problem::Problem,
};

include!(concat!(env!("OUT_DIR"), "/routes.rs"));
