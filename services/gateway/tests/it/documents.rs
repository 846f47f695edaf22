//! The OpenAPI document and the page that shows it.

use std::{fs, io::Read, path::Path};

use flate2::read::GzDecoder;
use rpc::KindOnWire;
use serde_json::Value;

use crate::helpers::{World, ask, problem};

#[test]
fn the_committed_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    let fresh = committed == gateway::OPENAPI;
    assert!(
        fresh,
        "services/gateway/openapi.json is stale: run `cargo fleet contract accept` and commit what it changes"
    );
}

#[test]
fn every_kind_of_refusal_stands_in_the_document_with_its_status() {
    let document: Value = serde_json::from_str(gateway::OPENAPI).unwrap();
    // Pages and hooks have words of their own.
    let of_rpcs = document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/v1/"));
    let operations = of_rpcs.flat_map(|(_, verbs)| verbs.as_object().unwrap().values());
    let operations: Vec<_> = operations.collect();
    for kind in rpc::Kind::ALL {
        let (status, name) = (kind.http().as_u16().to_string(), format!("{kind:?}"));
        let shared = &document["components"]["responses"][&name];
        assert!(shared.is_object(), "{name} is no response of the document");
        let expected = format!("#/components/responses/{name}");
        let told: Vec<_> = operations.iter().map(|operation| &operation["responses"][&status]).collect();
        let told: Vec<_> = told.into_iter().filter(|told| told.is_object()).collect();
        // One with refusals of its own lists them, and means the same by the status.
        let means = |told: &Value| told["$ref"] == expected || told["description"] == shared["description"];
        assert!(!told.is_empty() && told.iter().all(|told| means(told)), "{status} is not {name}");
    }
}

#[test]
fn the_document_names_every_way_in_which_a_field_is_wrong() {
    let document: Value = serde_json::from_str(gateway::OPENAPI).unwrap();
    let told: Vec<_> = document["components"]["schemas"]["ViolationCode"]["enum"].as_array().unwrap().to_vec();
    assert_eq!(told, values::ViolationCode::ALL.map(|code| Value::from(code.as_str())));
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document: Value = serde_json::from_str(gateway::OPENAPI).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|inner| collect(inner, into));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, into)),
        _ => {}
    }
}

#[test]
fn every_rpc_with_an_address_is_in_the_document_and_no_other() {
    let document: Value = serde_json::from_str(gateway::OPENAPI).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|verbs| verbs.as_object().unwrap().values());
    let operations: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    for method in proto::METHODS {
        let name = method.path.rsplit('/').next().unwrap();
        assert_eq!(operations.contains(&name), method.http.is_some(), "{}", method.path);
    }
}

#[tokio::test]
async fn the_document_is_served() {
    let world = World::new().await;
    let answer = ask(world.get("/openapi.json")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.text, gateway::OPENAPI);
}

#[tokio::test]
async fn large_files_are_sent_as_they_are_kept_and_unpacked_for_those_who_need_it() {
    let world = World::new().await;
    for path in ["/openapi.json", "/docs/swagger-ui.js", "/docs/swagger-ui.css"] {
        let plain = ask(world.get(path)).await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"), "{path}");
        let packed = world.get(path).header("accept-encoding", "gzip, br").send().await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
        assert_eq!(packed.headers()["etag"], plain.header("etag"), "{path}");
        let packed = packed.bytes().await.unwrap();
        assert!(packed.len() * 3 < plain.text.len(), "{path}: {} of {} bytes", packed.len(), plain.text.len());
        let mut unpacked = String::new();
        GzDecoder::new(&*packed).read_to_string(&mut unpacked).unwrap();
        assert!(unpacked == plain.text, "{path}");
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let world = World::new().await;
    let page = ask(world.get("/docs")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(
        !page.text.contains("http://") && !page.text.contains("https://"),
        "the page loads something from elsewhere"
    );
    assert!(!page.text.contains(" onclick") && !page.text.contains("style="), "the policy would stop this");
    let scripts = page.text.matches("<script").count();
    assert_eq!(scripts, page.text.matches("></script>").count(), "a script has its text inside the page");

    let linked: Vec<_> = page.text.split('"').filter(|text| text.starts_with('/')).collect();
    for path in
        ["/docs/first-call", "/docs/swagger-ui.js", "/docs/swagger-ui.css", "/docs/style.css", "/docs/browser.js"]
    {
        assert!(linked.contains(&path), "{path} is not linked");
    }
    for path in linked {
        let file = ask(world.get(path)).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.header("content-security-policy").contains("script-src 'self';"), "{path}");
    }
    let own = ask(world.get("/docs/browser.js")).await.text;
    assert!(!own.contains("innerHTML") && !own.contains("eval("), "our script makes markup of texts");
    assert_eq!(ask(world.get("/docs/")).await.header("location"), "/docs");
    problem(ask(world.get("/docs/../Cargo.toml")).await, 404, "NO_SUCH_PATH");
}
