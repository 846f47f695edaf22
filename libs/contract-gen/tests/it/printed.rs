//! What is printed: the method table, routes and the OpenAPI document. That the code compiles and works is seen in
//! `proto` and `gateway`.

use contract_gen::{Api, json, methods, modules, openapi, routes};
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
  // Measure a thing.
  rpc MeasureThing(MeasureThingRequest) returns (Size) {
    option (google.api.http) = { post: "/v1/things/{thing_id}/measure" body: "*" };
    option (lyceum.api.v1.access) = { signed_in: true };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;
    option (lyceum.api.v1.refusals) = { codes: ["THING_NOT_FOUND"] };
    option (lyceum.api.v1.body_limit) = 1024;
  }
  // Recount.
  rpc RecountThings(RecountThingsRequest) returns (google.protobuf.Empty) {
    option (lyceum.api.v1.access) = { service_only: true };
  }
}
message ListThingsRequest { int32 page_size = 1; repeated Thing.State states = 2; Price price = 3; }
message ListThingsResponse { repeated Thing things = 1; string next_page_token = 2; }
message UpdateThingRequest { string thing_id = 1; Thing thing = 2; google.protobuf.FieldMask update_mask = 3;
  // What was read.
  string etag = 4 [(buf.validate.field).string.max_len = 64, (lyceum.api.v1.header) = HEADER_IF_MATCH]; }
message DeleteThingRequest { string thing_id = 1; }
message WatchThingsRequest { string after_thing_id = 1; }
message ThingSeen { string thing_id = 1; }
message ExportThingsRequest {}
message RecountThingsRequest {}
message MeasureThingRequest { string thing_id = 1; Size size = 2; }
// How large.
message Size {
  // Where it was measured.
  string place = 1 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE, string: {uuid: true}}];
  // How it was measured.
  oneof measure {
    option (buf.validate.oneof).required = true;
    int32 in_grams = 2 [(buf.validate.field).int32 = {gte: 1, lte: 500}];
    string by_eye = 3 [(buf.validate.field).string.max_len = 20];
  }
}
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
  string etag = 5 [(google.api.field_behavior) = OUTPUT_ONLY, (lyceum.api.v1.header) = HEADER_ETAG];
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
    assert_eq!(paths.len(), 7);
    assert!(paths.is_sorted());
    assert!(table.contains("cache: Some(Cache { seconds: 30, shared: true })"));
    assert!(table.contains("access: Access::Permission(\"things.edit\")"));
    assert!(table.contains("refusals: &[\"THING_NOT_FOUND\"],\n        body_limit: 1024,\n        time_limit: 10,"));
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
    let names: Vec<_> = update["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
    assert_eq!(names, ["thingId", "updateMask", "Idempotency-Key", "If-Match"]);
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
    assert_eq!(statuses(drop), [204, 400, 401, 403, 404, 409, 414, 429, 431, 500, 503, 504]);
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
    assert_eq!(schemas["Thing"]["required"], serde_json::json!(["id", "title"]), "an enum may be unset");
    assert!(schemas["ThingPatch"].get("required").is_none(), "a change names what it changes");
    assert!(schemas["ThingPatch"]["properties"].get("id").is_none());
    assert_eq!(schemas["ThingPatch"]["additionalProperties"], false);
    assert!(schemas.get("ThingInput").is_none(), "nobody sends a whole thing");
    assert!(schemas.get("PriceInput").is_none(), "both sides look the same");
    assert!(schemas.get("ListThingsResult").is_some() && schemas.get("ListThingsResponse").is_none());
    assert_eq!(schemas["Thing.State"]["enum"], serde_json::json!(["STATE_OPEN"]));
    let body = &document["paths"]["/v1/things/{thingId}"]["patch"]["requestBody"];
    assert_eq!(body["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ThingPatch");
    assert_eq!(body["required"], true);
    let body = &document["paths"]["/v1/things/{thingId}/measure"]["post"]["requestBody"];
    assert_eq!(body["required"], false, "nothing in it has to be there");
}

#[test]
fn an_etag_is_a_header_and_nothing_else() {
    let api = api();
    let code = routes(&api);
    assert!(code.contains("call.if_match(&mut message.etag);"), "{code}");
    assert!(code.contains("call.named(reply, |message| &message.etag)"), "{code}");
    let (written, read) = (json(&api, "lyceum.test.v1"), document());
    assert!(!written.contains("\"etag\""), "{written}");
    assert!(read["components"]["schemas"]["Thing"]["properties"].get("etag").is_none());
    let update = &read["paths"]["/v1/things/{thingId}"]["patch"];
    assert_eq!(update["parameters"][3]["description"], "What was read.");
    assert!(update["responses"]["200"]["headers"]["ETag"].is_object());
}

#[test]
fn what_is_made_leads_to_what_can_be_done_with_it() {
    let more = r#"
  // Make a small box in a thing.
  rpc CreateSmallBox(CreateSmallBoxRequest) returns (SmallBox) {
    option (google.api.http) = { post: "/v1/things/{thing_id}/boxes" };
    option (lyceum.api.v1.access) = { signed_in: true };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;
  }
  // Change a box.
  rpc UpdateBox(UpdateBoxRequest) returns (SmallBox) {
    option (google.api.http) = { patch: "/v1/things/{thing_id}/boxes/{box_id}" body: "small_box" };
    option (lyceum.api.v1.access) = { signed_in: true };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;
  }
  // Give a box away.
  rpc GiveBox(GiveBoxRequest) returns (SmallBox) {
    option (google.api.http) = { post: "/v1/boxes/{box_id}/to/{person_id}" };
    option (lyceum.api.v1.access) = { signed_in: true };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;
  }
  // Open a box.
  rpc OpenBox(OpenBoxRequest) returns (SmallBox) {
    option (google.api.http) = { post: "/v1/boxes/{box_id}/open" };
    option (lyceum.api.v1.access) = { signed_in: true };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;
  }
  // Recount."#;
    let messages = r#"
message CreateSmallBoxRequest { string thing_id = 1; }
message UpdateBoxRequest { string thing_id = 1; string box_id = 2; SmallBox small_box = 3;
  string etag = 4 [(buf.validate.field).string.max_len = 64, (lyceum.api.v1.header) = HEADER_IF_MATCH]; }
message GiveBoxRequest { string box_id = 1; string person_id = 2; }
message OpenBoxRequest { string box_id = 1; }
message SmallBox {
  string box_id = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
  string title = 2 [(buf.validate.field).string.max_len = 9];
  string etag = 3 [(google.api.field_behavior) = OUTPUT_ONLY, (lyceum.api.v1.header) = HEADER_ETAG];
}
message ListThingsRequest "#;
    let text = CONTRACT.replace("\n  // Recount.", more).replace("\nmessage ListThingsRequest ", messages);
    let document: Value = serde_json::from_str(&openapi(&load(&text).unwrap(), "{}").unwrap()).unwrap();
    let made = &document["paths"]["/v1/things/{thingId}/boxes"]["post"]["responses"]["200"]["links"];
    assert_eq!(
        made.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["OpenBox", "UpdateBox"],
        "nobody is known to give it to"
    );
    assert_eq!(made["OpenBox"]["parameters"], serde_json::json!({"boxId": "$response.body#/boxId"}));
    let update = serde_json::json!({
        "thingId": "$request.path.thingId",
        "boxId": "$response.body#/boxId",
        "If-Match": "$response.header.ETag",
    });
    assert_eq!(made["UpdateBox"]["parameters"], update);
    let opened = &document["paths"]["/v1/boxes/{boxId}/open"]["post"]["responses"]["200"];
    assert!(opened.get("links").is_none(), "whoever opens a box had it before");
}

#[test]
fn bounds_stand_in_the_document() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let title = &schemas["Thing"]["properties"]["title"];
    assert_eq!((&title["minLength"], &title["maxLength"]), (&1.into(), &99.into()));
    let grams = &schemas["SizeInGramsInput"]["properties"]["inGrams"];
    assert_eq!((&grams["minimum"], &grams["maximum"]), (&1.into(), &500.into()));
    let place = &schemas["SizeInGramsInput"]["properties"]["place"];
    assert_eq!((&place["maxLength"], place.get("format")), (&36.into(), None), "it may be empty");
    let states = &document["paths"]["/v1/things"]["get"]["parameters"][1];
    assert_eq!((&states["name"], &states["schema"]["maxItems"]), (&"states".into(), &9.into()));
}

#[test]
fn a_oneof_is_a_union_that_names_its_case() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let reference = |name: &str| serde_json::json!({"$ref": format!("#/components/schemas/{name}")});
    assert_eq!(schemas["Size"]["oneOf"], serde_json::json!([reference("SizeInGrams"), reference("SizeByEye")]));
    assert_eq!(schemas["Size"]["discriminator"]["propertyName"], "measure");
    assert_eq!(schemas["Size"]["discriminator"]["mapping"]["byEye"], "#/components/schemas/SizeByEye");
    assert_eq!(schemas["SizeByEye"]["required"], serde_json::json!(["place", "measure", "byEye"]));
    assert_eq!(schemas["SizeByEye"]["properties"]["measure"]["enum"], serde_json::json!(["byEye"]));
    assert_eq!(schemas["SizeByEyeInput"]["required"], serde_json::json!(["byEye"]), "a request need not name it");
    assert!(json(&api(), "lyceum.test.v1").contains("out.case(\"measure\", \"byEye\");"));

    let loose = CONTRACT.replace("option (buf.validate.oneof).required = true;", "");
    let document: Value = serde_json::from_str(&openapi(&load(&loose).unwrap(), "{}").unwrap()).unwrap();
    let size = &document["components"]["schemas"]["Size"];
    assert_eq!((size["oneOf"].as_array().unwrap().len(), size.get("discriminator")), (3, None));
    let without = &document["components"]["schemas"]["SizeWithoutMeasure"];
    assert_eq!(without["properties"]["measure"], serde_json::json!({"type": "null"}));
}

#[test]
fn an_operation_lists_its_refusals() {
    let document = document();
    let measure = &document["paths"]["/v1/things/{thingId}/measure"]["post"]["responses"];
    let told = &measure["404"]["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(told, "#/components/schemas/MeasureThingProblem");
    assert_eq!(measure["413"]["$ref"], "#/components/responses/BodyTooLarge", "what all share has one place");
    let schemas = &document["components"]["schemas"];
    let codes = schemas["MeasureThingProblem"]["allOf"][1]["properties"]["code"]["enum"].as_array().unwrap();
    let has = |codes: &[Value], code: &str| codes.iter().any(|known| known == code);
    assert_eq!(codes[0], "THING_NOT_FOUND");
    assert!(has(codes, "SIGN_IN_REQUIRED") && has(codes, "BODY_TOO_LARGE") && has(codes, "INVALID"));
    assert!(!has(codes, "PERMISSION_DENIED") && !has(codes, "IDEMPOTENCY_KEY_REQUIRED"));
    let all = schemas["ProblemCode"]["enum"].as_array().unwrap();
    assert!(codes.iter().all(|code| all.contains(code)) && has(all, "IDEMPOTENCY_KEY_REQUIRED"));
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
