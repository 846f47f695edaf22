//! What stands between tonic and a service's own operations.

use std::sync::Arc;

use futures::{StreamExt, stream::BoxStream};
use proto::Method;
use rpc::Problem;
use tonic::{Response, Status};

/// Answers gRPC calls by a service's own operations.
#[derive(Debug)]
pub struct Adapter<D>(pub(crate) Arc<D>);

/// Answers one after another, or what broke them off.
pub type Streamed<A, E> = BoxStream<'static, Result<A, E>>;

/// What every operation may answer.
const COMMON: [&str; 7] = [
    "DEADLINE_EXCEEDED",
    "IDEMPOTENCY_KEY_IN_USE",
    "IDEMPOTENCY_KEY_REUSED",
    "INTERNAL",
    "INVALID",
    "SIGN_IN_REQUIRED",
    "UNAVAILABLE",
];

/// An answer, or the refusal as a status.
pub(crate) fn served<A>(method: &'static Method, answer: Result<A, impl Into<Status>>) -> Result<Response<A>, Status> {
    answer.map(Response::new).map_err(|error| declared(method, error.into()))
}

/// A stream of answers, or the refusal as a status; what breaks it later is a status as well.
pub(crate) fn streamed<A: 'static, E: Into<Status> + 'static>(
    method: &'static Method,
    answer: Result<Streamed<A, E>, E>,
) -> Result<Response<Streamed<A, Status>>, Status> {
    let stream = answer.map_err(|error| declared(method, error.into()))?;
    Ok(Response::new(stream.map(|item| item.map_err(Into::into)).boxed()))
}

/// Clients translate the codes that the contract names for an operation: a code that is missing there is our mistake.
fn declared(method: &'static Method, status: Status) -> Status {
    if cfg!(debug_assertions) {
        let reason = Problem::from(&status).reason;
        let known = COMMON.contains(&reason.as_str()) || method.refusals.contains(&reason.as_str());
        assert!(
            known,
            "{} refuses with {reason}, which its option (lyceum.api.v1.refusals) does not name",
            method.path
        );
    }
    status
}
