//! The guard and the real contract.

use crate::helpers::School;
use auth::Layer;
use proto::Access;
use std::sync::Arc;
use tonic::{Code, Status, body::Body};
use tower::{Layer as _, ServiceExt};

async fn anonymous(school: &School, path: &str) -> Option<Code> {
    let inner = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::default()))
    });
    let guarded = Layer::new(Arc::clone(&school.verifier)).layer(inner);
    let request = http::Request::post(format!("http://test{path}")).body(Body::default()).unwrap();
    let answer = guarded.oneshot(request).await.unwrap();
    Status::from_header_map(answer.headers()).map(|status| status.code())
}

#[tokio::test]
async fn without_a_token_only_public_rpcs_are_open() {
    let school = School::new();
    assert!(!proto::METHODS.is_empty());
    for method in proto::METHODS {
        let expected = match method.access {
            Access::Public => None,
            Access::SignedIn | Access::Permission(_) => Some(Code::Unauthenticated),
            Access::ServiceOnly => Some(Code::PermissionDenied),
        };
        assert_eq!(anonymous(&school, method.path).await, expected, "{}", method.path);
    }
}

#[tokio::test]
async fn health_and_reflection_answer_everybody() {
    let school = School::new();
    for path in ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] {
        assert_eq!(anonymous(&school, path).await, None, "{path}");
    }
}
