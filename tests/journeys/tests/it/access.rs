//! Every role against every operation, checked against a table that people review, not against the contract that it tests.

use std::collections::BTreeMap;

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{Person, School};
use proto::lyceum::users::v1::user::Role;
use reqwest::Method;
use serde_json::{Value, json};

const TABLE: &str = include_str!("access.txt");
const ROLES: [(&str, Role); 5] = [
    ("tutor", Role::Tutor),
    ("curator", Role::Curator),
    ("manager", Role::Manager),
    ("support", Role::Support),
    ("admin", Role::Admin),
];
/// They end the session that asks, so they are asked last.
const ENDING: [&str; 2] = ["SignOut", "SignOutEverywhere"];

#[tokio::test]
async fn every_role_reaches_exactly_the_operations_that_the_table_says() -> Result<()> {
    let school = School::of_tests()?;
    // People of this test's own, because the test signs them out.
    let mut callers = vec![("visitor", school.visitor()), ("learner", school.learner().await?)];
    for (name, role) in ROLES {
        callers.push((name, school.with_role(role).await?));
    }
    let document = school.visitor().get("/openapi.json").await.ok();
    let mut found = BTreeMap::new();
    for operation in operations(&document) {
        let mut marks = Vec::new();
        for (_, caller) in &callers {
            marks.push(if reaches(caller, &operation).await { "yes" } else { "-" });
        }
        found.insert(operation.id, marks.join(" "));
    }
    let expected = table();
    let differences: Vec<_> = expected
        .keys()
        .chain(found.keys())
        .filter(|id| expected.get(*id) != found.get(*id))
        .map(|id| format!("{id}\n  table: {:?}\n  fleet: {:?}", expected.get(id), found.get(id)))
        .collect();
    let order: Vec<_> = callers.iter().map(|(role, _)| *role).collect();
    assert!(
        differences.is_empty(),
        "roles in the order {order:?}; review access.txt or mend the contract:\n{}",
        differences.join("\n")
    );
    Ok(())
}

struct Operation {
    id: String,
    method: Method,
    path: String,
}

/// The operations of the OpenAPI document, with an id that belongs to nobody in the place of each parameter.
fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, verbs) in document["paths"].as_object().expect("the document has paths") {
        for (verb, operation) in verbs.as_object().expect("a path has verbs") {
            let (Ok(method), Some(id)) = (verb.to_uppercase().parse(), operation["operationId"].as_str()) else {
                continue;
            };
            let path =
                path.split('/').map(|part| if part.starts_with('{') { people::new_key() } else { part.to_owned() });
            all.push(Operation { id: id.to_owned(), method, path: path.collect::<Vec<_>>().join("/") });
        }
    }
    all.sort_by_key(|operation| ENDING.contains(&operation.id.as_str()));
    all
}

/// Whether the door let the caller through; what the operation says of an empty request does not matter here.
async fn reaches(caller: &Person, operation: &Operation) -> bool {
    let body = (operation.method != Method::GET && operation.method != Method::DELETE).then(|| json!({}).to_string());
    let key = people::new_key();
    let headers: &[(&str, &str)] = &[("idempotency-key", &key)];
    let answer = caller.send(operation.method.clone(), &operation.path, body, headers).await;
    assert!(answer.status < 500 && answer.status != 429, "{}: {} {}", answer.asked, answer.status, answer.body);
    let code = answer.body["code"].as_str().unwrap_or_default();
    !(code == "SIGN_IN_REQUIRED" || code == "PERMISSION_DENIED")
}

/// `Operation visitor learner tutor curator manager support admin`, one operation a line.
fn table() -> BTreeMap<String, String> {
    let lines = TABLE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let id = words.next().unwrap_or_default().to_owned();
            (id, words.collect::<Vec<_>>().join(" "))
        })
        .collect()
}
