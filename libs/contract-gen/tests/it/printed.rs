//! What is printed: the method table, routes and the OpenAPI document. That the code compiles and works is seen in
//! `proto` and `gateway`.

use contract_gen::{Api, methods, modules, openapi, routes};
use serde_json::Value;

use crate::helpers::load;

const CONTRACT: &str = r#"
// Things.
service ThingService {
  // List things.
  //
  // Newest first.
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse) {
    option (google.api.http) = { get: "/v1/things" };
    option (lyceum.api.v1.access) = { public: true };
    option (lyceum.api.v1.cache) = { seconds: 30 shared: true };
  }
  // Change a thing.
  rpc UpdateThing(UpdateThingRequest) returns (Thing) {
    option (google.api.http) = { patch: "/v1/things/{thing_id}" body: "thing" };
    option (lyceum.api.v1.access) = { permission: "things.edit" };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_REQUIRED;
  }
  // Drop a thing.
  rpc DeleteThing(DeleteThingRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = { delete: "/v1/things/{thing_id}" };
    option (lyceum.api.v1.access) = { signed_in: true };
  }
  // Watch things come.
  rpc WatchThings(WatchThingsRequest) returns (stream ThingSeen) {
    option (google.api.http) = { get: "/v1/things/watch" };
    option (lyceum.api.v1.access) = { signed_in: true };
  }
  // Take all things home.
  rpc ExportThings(ExportThingsRequest) returns (stream lyceum.values.v1.FileChunk) {
    option (google.api.http) = { get: "/v1/things/export" };
    option (lyceum.api.v1.access) = { signed_in: true };
  }
  // Recount.
  rpc RecountThings(RecountThingsRequest) returns (google.protobuf.Empty) {
    option (lyceum.api.v1.access) = { service_only: true };
  }
}
message ListThingsRequest { int32 page_size = 1; repeated Thing.State states = 2; Price price = 3; }
message ListThingsResponse { repeated Thing things = 1; string next_page_token = 2; }
message UpdateThingRequest { string thing_id = 1; Thing thing = 2; google.protobuf.FieldMask update_mask = 3; }
message DeleteThingRequest { string thing_id = 1; }
message WatchThingsRequest { string after_thing_id = 1; }
message ThingSeen { string thing_id = 1; }
message ExportThingsRequest {}
message RecountThingsRequest {}
message Price { int64 minor = 1 [(buf.validate.field).int64.gte = 1]; }
// A thing.
message Thing {
  // How it stands.
  enum State { STATE_UNSPECIFIED = 0; STATE_OPEN = 1; }
  string id = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
  // What it is called.
  string title = 2 [(buf.validate.field).string = {min_len: 1, max_len: 99}];
  Price price = 3;
  State state = 4;
}
"#;

fn api() -> Api {
    load(CONTRACT).unwrap()
}

fn document() -> Value {
    serde_json::from_str(&openapi(&api(), "{}").unwrap()).unwrap()
}

#[test]
fn methods_are_sorted_and_complete() {
    let table = methods(&api());
    let paths: Vec<_> = table.lines().filter_map(|line| line.trim().strip_prefix("path: ")).collect();
    assert_eq!(paths.len(), 6);
    assert!(paths.is_sorted());
    assert!(table.contains("cache: Some(Cache { seconds: 30, shared: true })"));
    assert!(table.contains("access: Access::Permission(\"things.edit\")"));
    assert!(table.contains("http: Some((\"PATCH\", \"/v1/things/{thing_id}\"))"));
}

#[test]
fn a_path_has_one_route_for_all_its_verbs() {
    let code = routes(&api());
    assert!(
        code.contains(
            ".route(\"/v1/things/{thing_id}\", MethodRouter::new().delete(delete_thing).patch(update_thing))"
        ),
        "{code}"
    );
    assert!(!code.contains("recount_things"), "a service-only rpc has a route");
}

#[test]
fn parameters_take_both_spellings() {
    let code = routes(&api());
    assert!(
        code.contains("\"pageSize\" | \"page_size\" => { message.page_size = parameter::param(value)?; Took::Once }"),
        "{code}"
    );
    assert!(code.contains("message.price.get_or_insert_default().minor = parameter::param(value)?"), "{code}");
    assert!(code.contains("\"states\" => { message.states.push("), "{code}");
}

#[test]
fn only_what_can_be_written_is_in_a_mask() {
    let code = routes(&api());
    assert!(code.contains(r#"&[("title", "title"), ("price", "price"), ("state", "state")]"#), "{code}");
}

#[test]
fn modules_nest_by_package() {
    let packages = ["a.b".to_owned(), "a.b.c".to_owned(), "a.type".to_owned()];
    let names: Vec<_> =
        modules(&packages, "").lines().filter(|line| line.starts_with("pub mod")).map(str::to_owned).collect();
    assert_eq!(names, ["pub mod a {", "pub mod b {", "pub mod c {", "pub mod r#type {"]);
    let code = modules(&packages, "/sub");
    assert_eq!(code.matches('{').count(), code.matches('}').count());
    assert!(code.contains("\"/sub/a.b.c.json.rs\""));
}

#[test]
fn the_document_describes_every_address() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let list = &document["paths"]["/v1/things"]["get"];
    assert_eq!(list["operationId"], "ListThings");
    assert_eq!((&list["summary"], &list["description"]), (&"List things".into(), &"Newest first.".into()));
    assert_eq!(list["security"], serde_json::json!([]));
    let names: Vec<_> = list["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
    assert_eq!(names, ["pageSize", "states", "price.minor", "If-None-Match"]);
    let update = &document["paths"]["/v1/things/{thingId}"]["patch"];
    assert_eq!(update["x-permission"], "things.edit");
    assert_eq!(update["parameters"][2]["name"], "Idempotency-Key");
    assert_eq!(update["parameters"][2]["required"], true);
    assert_eq!(document["paths"]["/v1/things/{thingId}"]["delete"]["responses"]["204"]["description"], "Done.");
}

fn statuses(operation: &Value) -> Vec<u16> {
    operation["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap()).collect()
}

#[test]
fn every_status_is_listed_and_leads_somewhere() {
    let document = document();
    let list = &document["paths"]["/v1/things"]["get"];
    assert_eq!(statuses(list), [200, 304, 400, 401, 414, 429, 431, 500, 503, 504]);
    let update = &document["paths"]["/v1/things/{thingId}"]["patch"];
    let expected = [200, 400, 401, 403, 404, 408, 409, 412, 413, 414, 415, 429, 431, 500, 503, 504];
    assert_eq!(statuses(update), expected);
    let drop = &document["paths"]["/v1/things/{thingId}"]["delete"];
    assert_eq!(statuses(drop), [204, 400, 401, 403, 404, 409, 412, 414, 429, 431, 500, 503, 504]);
    for answer in update["responses"].as_object().unwrap().values() {
        let Some(place) = answer["$ref"].as_str() else { continue };
        assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
    }
}

#[test]
fn cacheable_answers_have_a_name() {
    let document = document();
    let responses = &document["paths"]["/v1/things"]["get"]["responses"];
    for status in ["200", "304"] {
        let place = responses[status]["headers"]["ETag"]["$ref"].as_str().unwrap();
        assert_eq!(document.pointer(place.trim_start_matches('#')).unwrap()["required"], true);
    }
    assert!(responses["304"].get("content").is_none());
}

#[test]
fn events_have_an_id_by_which_they_go_on() {
    let code = routes(&api());
    assert!(code.contains("call.resume(&mut message.after_thing_id);"), "{code}");
    assert!(code.contains("call.stream(reply, |message| &message.thing_id)"), "{code}");
    let watch = &document()["paths"]["/v1/things/watch"]["get"];
    assert_eq!(watch["parameters"][1]["name"], "Last-Event-ID");
    assert!(watch["responses"]["200"]["content"]["text/event-stream"].is_object());
}

#[test]
fn a_stream_of_pieces_is_a_file() {
    let code = routes(&api());
    assert!(code.contains("call.file(reply).await"), "{code}");
    let document = document();
    let done = &document["paths"]["/v1/things/export"]["get"]["responses"]["200"];
    assert_eq!(done["content"]["*/*"]["schema"], serde_json::json!({}));
    assert_eq!(done["headers"]["Content-Disposition"]["required"], true);
    assert!(document["components"]["schemas"].get("FileChunk").is_none(), "pieces are no JSON");
}

#[test]
fn requests_and_answers_have_schemas_of_their_own_where_they_differ() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Thing"]["required"], serde_json::json!(["id", "title", "state"]));
    assert_eq!(schemas["ThingInput"]["required"], serde_json::json!(["title"]));
    assert!(schemas["ThingInput"]["properties"].get("id").is_none());
    assert_eq!(schemas["ThingInput"]["additionalProperties"], false);
    assert!(schemas.get("PriceInput").is_none(), "both sides look the same");
    let body = &document["paths"]["/v1/things/{thingId}"]["patch"]["requestBody"];
    assert_eq!(body["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ThingInput");
}

#[test]
fn what_stands_in_the_path_does_not_stand_in_the_body() {
    let text = CONTRACT.replace("body: \"thing\"", "body: \"*\"");
    let document: Value = serde_json::from_str(&openapi(&load(&text).unwrap(), "{}").unwrap()).unwrap();
    let properties = document["components"]["schemas"]["UpdateThingRequest"]["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["thing", "updateMask"]);
}

#[test]
fn doors_are_merged_and_may_not_hide_an_rpc() {
    let api = api();
    let doors = r#"{"paths": {"/session": {"post": {"operationId": "OpenSession", "responses": {}}}}, "schemas": {"Session": {"type": "object"}}}"#;
    let document: Value = serde_json::from_str(&openapi(&api, doors).unwrap()).unwrap();
    assert_eq!(document["paths"]["/session"]["post"]["operationId"], "OpenSession");
    assert_eq!(document["components"]["schemas"]["Session"]["type"], "object");
    let clash = openapi(&api, r#"{"paths": {"/v1/things": {}}}"#).unwrap_err().to_string();
    assert_eq!(clash, "the doors: /v1/things belongs to an rpc");
    let clash = openapi(&api, r#"{"schemas": {"Thing": {}}}"#).unwrap_err().to_string();
    assert_eq!(clash, "the doors: Thing is a message of the contract");
    let clash = openapi(&api, r#"{"responses": {"NotFound": {}}}"#).unwrap_err().to_string();
    assert_eq!(clash, "the doors: NotFound is a response of the contract");
}
