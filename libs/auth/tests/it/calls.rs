//! Calls between services over a real connection: deadline layer, guard and outgoing interceptor together.

use crate::helpers::{Probe, School, described, layer};
use auth::{CallerToken, Origin, Outgoing};
use rpc::Problem;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use tonic::{
    GrpcMethod, Request, Response, Status,
    client::Grpc,
    server::NamedService,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// Serves the probe behind deadline and guard; it stops when the test's runtime does.
#[expect(clippy::disallowed_methods, reason = "the test's runtime ends with the test")]
fn serve(school: &School, probe: Probe) -> tonic::transport::Channel {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().layer(rpc::deadline::Layer::new()).layer(layer(school)).add_service(probe);
    tokio::spawn(server.serve_with_incoming(incoming));
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// Calls an rpc the way a generated client does.
async fn call(channel: auth::Channel, rpc: &'static str, mut request: Request<()>) -> Result<String, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    request.extensions_mut().insert(GrpcMethod::new(Probe::NAME, rpc));
    let path = format!("/{}/{rpc}", Probe::NAME).parse().unwrap();
    client.unary(request, path, ProstCodec::<(), String>::default()).await.map(Response::into_inner)
}

/// A request with a client outside in it, as the gateway writes one.
fn from_outside() -> Request<()> {
    let mut request = Request::new(());
    let address = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)));
    let origin = Origin { address, user_agent: Some("curl/8".into()), request_id: "r-9".into(), language: None };
    origin.write(request.metadata_mut());
    request.metadata_mut().insert(rpc::REQUEST_ID, "r-9".parse().unwrap());
    request
}

#[tokio::test]
async fn the_gateway_passes_on_who_asks_and_from_where() {
    let school = School::new();
    let channel = serve(&school, Probe::telling());
    let token = CallerToken::new(&school.token(&["courses.edit"]));
    let signed_in = Outgoing::on_behalf(Arc::clone(&school.gateway), token).over(channel.clone());
    let anonymous = Outgoing::on_behalf(Arc::clone(&school.gateway), None).over(channel);
    assert_eq!(
        call(signed_in, "Edit", from_outside()).await.unwrap(),
        "person with courses.edit via gateway from 203.0.113.9 by curl/8 as r-9 with token"
    );
    assert_eq!(
        call(anonymous, "Open", from_outside()).await.unwrap(),
        "anonymous via gateway from 203.0.113.9 by curl/8 as r-9 with no token"
    );
}

#[tokio::test]
async fn nobody_but_the_gateway_is_believed_about_the_outside() {
    let school = School::new();
    let channel = serve(&school, Probe::telling());
    let courses = Outgoing::as_service(Arc::clone(&school.courses)).over(channel);
    assert_eq!(
        call(courses, "Internal", from_outside()).await.unwrap(),
        "service:courses via courses from nowhere by nothing as r-9 with no token"
    );
}

#[tokio::test]
async fn one_request_of_a_service_can_be_a_persons() {
    let school = School::new();
    let courses = Outgoing::as_service(Arc::clone(&school.courses)).over(serve(&school, Probe::telling()));
    let mut request = Request::new(());
    auth::on_behalf(&mut request, CallerToken::new(&school.token(&["x"])).unwrap());
    let answer = call(courses.clone(), "Mine", request).await.unwrap();
    assert!(answer.starts_with("person with x via courses from nowhere"), "{answer}");
    let refused = call(courses, "Mine", Request::new(())).await.unwrap_err();
    assert_eq!(Problem::from(refused).reason, "PERSON_REQUIRED");
}

#[tokio::test]
async fn a_door_can_ask_a_neighbour_on_the_callers_behalf_with_the_same_id_and_the_rest_of_the_time() {
    let school = School::new();
    let neighbour = Probe(Arc::new(|request| {
        let left = rpc::Context::current().unwrap().deadline.remaining();
        Box::pin(
            async move { Ok(Response::new(format!("{} in {}", described(&request), left < Duration::from_secs(3)))) },
        )
    }));
    let neighbour = Outgoing::as_service(Arc::clone(&school.users)).over(serve(&school, neighbour));
    let door = Probe(Arc::new(move |request| {
        let neighbour = neighbour.clone();
        Box::pin(async move {
            let mut onward = Request::new(());
            auth::on_behalf(&mut onward, auth::caller_token(&request).unwrap());
            call(neighbour, "Mine", onward).await.map(Response::new)
        })
    }));
    let token = CallerToken::new(&school.token(&["x"]));
    let gateway = Outgoing::on_behalf(Arc::clone(&school.gateway), token).over(serve(&school, door));
    let mut request = from_outside();
    request.set_timeout(Duration::from_secs(3));
    let answer = call(gateway, "Ask", request).await.unwrap();
    assert_eq!(answer, "person with x via users from nowhere by nothing as r-9 with token in true");
}

#[tokio::test]
async fn a_caller_hears_that_the_answer_is_late() {
    let school = School::new();
    let endless = Probe(Arc::new(|_| Box::pin(std::future::pending())));
    let gateway = Outgoing::on_behalf(Arc::clone(&school.gateway), None).over(serve(&school, endless));
    let mut request = Request::new(());
    request.set_timeout(Duration::from_millis(300));
    let status = call(gateway, "Open", request).await.unwrap_err();
    assert_eq!(Problem::from(&status), Problem::late());
}

#[tokio::test]
async fn a_refusal_arrives_with_its_reason() {
    let school = School::new();
    let token = CallerToken::new(&school.token(&["courses.read"]));
    let gateway = Outgoing::on_behalf(Arc::clone(&school.gateway), token).over(serve(&school, Probe::telling()));
    let problem = Problem::from(call(gateway, "Edit", Request::new(())).await.unwrap_err());
    assert_eq!((problem.reason.as_str(), problem.http().as_u16()), ("PERMISSION_DENIED", 403));
    assert_eq!(problem.message, "You may not do this.");
}

#[tokio::test]
async fn a_neighbour_that_is_down_is_unavailable() {
    let school = School::new();
    let nowhere = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let courses = Outgoing::as_service(Arc::clone(&school.courses)).over(nowhere);
    let problem = Problem::from(call(courses, "Open", Request::new(())).await.unwrap_err());
    assert_eq!((problem.reason.as_str(), problem.message.as_str()), ("UNAVAILABLE", rpc::Kind::Unavailable.message()));
}

#[tokio::test]
async fn the_fleets_tokens_go_nowhere_else() {
    let school = School::new();
    let mut outgoing = Outgoing::as_service(Arc::clone(&school.courses));
    let mut request = Request::new(());
    assert!(tonic::service::Interceptor::call(&mut outgoing, Request::new(())).is_err());
    request.extensions_mut().insert(GrpcMethod::new("opentelemetry.proto.collector.trace.v1.TraceService", "Export"));
    assert!(tonic::service::Interceptor::call(&mut outgoing, request).is_err());
}
