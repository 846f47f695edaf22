//! Who is let in to which rpc.

use crate::helpers::{Probe, School, layer, signer};
use auth::{Caller, Claims, ServiceIdentity};
use rpc::Problem;
use tonic::{Status, body::Body};
use tower::{Layer as _, ServiceExt};

const OPEN: &str = "Open";
const MINE: &str = "Mine";
const EDIT: &str = "Edit";
const INTERNAL: &str = "Internal";

/// Calls an rpc with these headers and tells what was answered: `Ok` if the call reached the server behind the guard.
async fn call(school: &School, rpc: &str, headers: &[(&'static str, String)]) -> Result<(), String> {
    let mut request =
        http::Request::post(format!("http://test/{}/{rpc}", <Probe as tonic::server::NamedService>::NAME));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let inner = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::default()))
    });
    let answer = layer(school).layer(inner).oneshot(request.body(Body::default()).unwrap()).await.unwrap();
    match Status::from_header_map(answer.headers()) {
        Some(status) => Err(Problem::from(&status).reason),
        None => Ok(()),
    }
}

fn bearer(token: impl AsRef<str>) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", token.as_ref()))
}

fn via(service: &ServiceIdentity) -> (&'static str, String) {
    ("lyceum-via", service.token_for("users"))
}

#[tokio::test]
async fn everybody_gets_exactly_what_the_table_says() {
    let school = School::new();
    let nobody = vec![];
    let learner = vec![bearer(school.token(&["courses.read"]))];
    let editor = vec![bearer(school.token(&["courses.edit"]))];
    let service = vec![bearer(school.courses.token_for("users"))];
    let expected = [
        (&nobody, [None, Some("SIGN_IN_REQUIRED"), Some("SIGN_IN_REQUIRED"), Some("SERVICE_ONLY")]),
        (&learner, [None, None, Some("PERMISSION_DENIED"), Some("SERVICE_ONLY")]),
        (&editor, [None, None, None, Some("SERVICE_ONLY")]),
        (&service, [None, Some("PERSON_REQUIRED"), Some("PERSON_REQUIRED"), None]),
    ];
    for (headers, answers) in expected {
        for (rpc, refused) in [OPEN, MINE, EDIT, INTERNAL].into_iter().zip(answers) {
            assert_eq!(call(&school, rpc, headers).await.err().as_deref(), refused, "{rpc} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_but_where_none_is_needed() {
    let school = School::new();
    let forged = signer("2027-01").sign(&school.claims(&["courses.edit"]));
    let other = school.signer.sign(&Claims { aud: "other".into(), ..school.claims(&[]) });
    let for_others = school.courses.token_for("payments");
    for bad in [forged, other, for_others, "nonsense".into(), String::new()] {
        for rpc in [MINE, EDIT, INTERNAL] {
            assert_eq!(call(&school, rpc, &[bearer(&bad)]).await, Err("TOKEN_INVALID".into()), "{rpc} {bad}");
        }
        assert_eq!(call(&school, OPEN, &[bearer(&bad)]).await, Ok(()), "{bad}");
    }
    let basic = ("authorization", "Basic dXNlcjpwYXNz".to_owned());
    let token = school.token(&[]);
    for headers in [vec![basic], vec![bearer(&token), bearer(&token)]] {
        assert_eq!(call(&school, MINE, &headers).await, Err("TOKEN_INVALID".into()));
        assert_eq!(call(&school, OPEN, &headers).await, Ok(()));
    }
    school.clock.advance(631);
    assert_eq!(call(&school, MINE, &[bearer(&token)]).await, Err("TOKEN_EXPIRED".into()));
    assert_eq!(call(&school, OPEN, &[bearer(&token)]).await, Ok(()));
}

#[tokio::test]
async fn whoever_brings_a_bad_token_to_a_public_rpc_is_a_stranger() {
    let school = School::new();
    let token = school.token(&["courses.edit"]);
    assert!(matches!(caller_of(&school, &token).await, Caller::Person(_)));
    assert_eq!(caller_of(&school, "nonsense").await, Caller::Anonymous);
    school.clock.advance(631);
    assert_eq!(caller_of(&school, &token).await, Caller::Anonymous);
}

/// Who the server behind the guard is told to be called by.
async fn caller_of(school: &School, token: &str) -> Caller {
    let path = format!("http://test/{}/{OPEN}", <Probe as tonic::server::NamedService>::NAME);
    let request = http::Request::post(path).header("authorization", format!("Bearer {token}"));
    let inner = tower::service_fn(|request: http::Request<Body>| async {
        let request = tonic::Request::from_http(request);
        assert_eq!(auth::caller_token(&request).is_some(), matches!(auth::caller(&request), Caller::Person(_)));
        let mut answer = http::Response::new(Body::default());
        answer.extensions_mut().insert(auth::caller(&request));
        Ok::<_, std::convert::Infallible>(answer)
    });
    let answer = layer(school).layer(inner).oneshot(request.body(Body::default()).unwrap()).await.unwrap();
    answer.extensions().get::<Caller>().unwrap().clone()
}

#[tokio::test]
async fn being_called_through_a_service_is_not_being_one() {
    let school = School::new();
    for headers in [vec![via(&school.gateway)], vec![via(&school.gateway), bearer(school.token(&["courses.edit"]))]] {
        assert_eq!(call(&school, INTERNAL, &headers).await, Err("SERVICE_ONLY".into()));
    }
}

#[tokio::test]
async fn a_service_that_cannot_prove_itself_is_refused() {
    let school = School::new();
    let person = school.token(&[]);
    let replayed = school.gateway.token_for("payments");
    for bad in ["nonsense".to_owned(), person, replayed] {
        assert_eq!(call(&school, OPEN, &[("lyceum-via", bad)]).await, Err("PEER_INVALID".into()));
    }
    let headers = [via(&school.gateway)];
    school.clock.advance(331);
    assert_eq!(call(&school, OPEN, &headers).await, Err("PEER_INVALID".into()));
}

#[tokio::test]
async fn an_rpc_that_the_table_does_not_name_is_closed() {
    let school = School::new();
    let headers = [bearer(school.token(&["courses.edit"]))];
    let path = format!("http://test/{}/Forgotten", <Probe as tonic::server::NamedService>::NAME);
    for path in [path.as_str(), "http://test/other.v1.Service/Open", "http://test/"] {
        let inner = tower::service_fn(|_: http::Request<Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::default()))
        });
        let request = http::Request::post(path).header(headers[0].0, &headers[0].1).body(Body::default()).unwrap();
        let answer = layer(&school).layer(inner).oneshot(request).await.unwrap();
        let status = Status::from_header_map(answer.headers()).expect(path);
        assert_eq!(status.code(), tonic::Code::Unimplemented, "{path}");
    }
}
