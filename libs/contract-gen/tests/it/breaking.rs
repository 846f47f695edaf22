//! Every kind of breaking change is reported, and additions are not.

use contract_gen::breaking;

use crate::helpers::load;

const CONTRACT: &str = r#"
service ThingService {
  rpc GetThing(GetThingRequest) returns (Thing) {
    option (google.api.http) = { get: "/v1/things/{thing_id}" };
    option (lyceum.api.v1.access) = { permission: "things.read" };
  }
  rpc CreateThing(CreateThingRequest) returns (Thing) {
    option (google.api.http) = { post: "/v1/things" body: "thing" };
    option (lyceum.api.v1.access) = { public: true };
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_OPTIONAL;
  }
  rpc CountThings(CountThingsRequest) returns (Count) {
    option (lyceum.api.v1.access) = { service_only: true };
  }
}
message GetThingRequest { string thing_id = 1; }
message CreateThingRequest { Thing thing = 1; }
message CountThingsRequest {}
message Count { int64 number = 1; }
message Spare { enum Mood { MOOD_UNSPECIFIED = 0; } }
message Thing {
  enum State { STATE_UNSPECIFIED = 0; STATE_OPEN = 1; STATE_SHUT = 2; }
  string id = 1;
  int32 size = 2;
  State state = 3;
  string note = 4;
  oneof owner { string user_id = 5; string group_id = 6; }
}
"#;

/// What is reported when the first text is replaced by the second.
#[track_caller]
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(CONTRACT.contains(from), "the test no longer fits the contract: {from}");
    breaking(&load(CONTRACT).unwrap(), &load(&CONTRACT.replacen(from, to, 1)).unwrap())
}

/// Expects exactly one report.
#[track_caller]
fn breaks(from: &str, to: &str, report: &str) {
    assert_eq!(changed(from, to), [report]);
}

#[test]
fn additions_break_nobody() {
    assert!(changed("string note = 4;", "string note = 4; string more = 7;").is_empty());
    assert!(changed("STATE_SHUT = 2;", "STATE_SHUT = 2; STATE_LOST = 3;").is_empty());
    assert!(changed("message Count {", "message Other { string id = 1; } message Count {").is_empty());
    let binding = "get: \"/v1/things/{thing_id}\" additional_bindings { get: \"/v1/thing/{thing_id}\" }";
    assert!(changed("get: \"/v1/things/{thing_id}\"", binding).is_empty());
    assert!(changed("permission: \"things.read\"", "signed_in: true").is_empty());
}

#[test]
fn fields_stay_what_they_are() {
    let field = "lyceum.test.v1.Thing.size";
    breaks("int32 size = 2;", "int64 size = 2;", &format!("{field}: its type int32 became int64"));
    breaks("int32 size = 2;", "int32 length = 2;", &format!("{field}: renamed to length"));
    breaks("int32 size = 2;", "repeated int32 size = 2;", &format!("{field}: became repeated, optional, or neither"));
    breaks("int32 size = 2;", "optional int32 size = 2;", &format!("{field}: became repeated, optional, or neither"));
    breaks("int32 size = 2;", "reserved 2; reserved \"size\";", &format!("{field}: removed"));
    let remedy = format!("{field}: removed without `reserved 2; reserved \"size\";`");
    breaks("int32 size = 2;", "", &remedy);
    breaks("int32 size = 2;", "int32 size = 9;", &remedy);
    let required = "int32 size = 2 [(buf.validate.field).int32.gte = 1];";
    breaks("int32 size = 2;", required, &format!("{field}: is now required"));
    let added = "string note = 4; string more = 7 [(buf.validate.field).string = {min_len: 1, max_len: 99}];";
    breaks("string note = 4;", added, "lyceum.test.v1.Thing.more: a new field cannot be required");
    let moved = changed(
        "oneof owner { string user_id = 5; string group_id = 6; }",
        "oneof owner { string user_id = 5; } string group_id = 6;",
    );
    assert_eq!(moved[1], "lyceum.test.v1.Thing.group_id: moved into or out of a oneof");
}

#[test]
fn messages_and_enums_stay() {
    let removed = ["lyceum.test.v1.Spare: message removed", "lyceum.test.v1.Spare.Mood: enum removed"];
    assert_eq!(changed("message Spare {", "message Other {"), removed);
    breaks("enum Mood {", "enum Whim {", removed[1]);
    breaks("STATE_SHUT = 2;", "", "lyceum.test.v1.Thing.STATE_SHUT: removed");
    breaks("STATE_SHUT = 2;", "STATE_CLOSED = 2;", "lyceum.test.v1.Thing.STATE_SHUT: renamed to STATE_CLOSED");
}

#[test]
fn rpcs_stay_where_they_are() {
    let rpc = "/lyceum.test.v1.ThingService/GetThing";
    breaks("rpc GetThing(", "rpc ReadThing(", &format!("{rpc}: rpc removed or renamed"));
    breaks(
        "(CountThingsRequest) returns",
        "(GetThingRequest) returns",
        "/lyceum.test.v1.ThingService/CountThings: its request is of another type",
    );
    breaks(
        "returns (Count)",
        "returns (Thing)",
        "/lyceum.test.v1.ThingService/CountThings: its answer is of another type",
    );
    breaks(
        "rpc GetThing(GetThingRequest) returns (Thing)",
        "rpc GetThing(GetThingRequest) returns (stream Thing)",
        &format!("{rpc}: its streaming changed"),
    );
    let gone = format!("{rpc}: GET /v1/things/{{thing_id}} is gone or changed");
    breaks("get: \"/v1/things/{thing_id}\"", "get: \"/v1/thing/{thing_id}\"", &gone);
    breaks("get: \"/v1/things/{thing_id}\"", "delete: \"/v1/things/{thing_id}\"", &gone);
    breaks(
        "body: \"thing\"",
        "body: \"*\"",
        "/lyceum.test.v1.ThingService/CreateThing: POST /v1/things with body thing is gone or changed",
    );
}

#[test]
fn nobody_is_shut_out() {
    let get = "/lyceum.test.v1.ThingService/GetThing: access tightened from Permission(\"things.read\") to";
    breaks("things.read", "things.edit", &format!("{get} Permission(\"things.edit\")"));
    let create = "/lyceum.test.v1.ThingService/CreateThing";
    breaks("{ public: true }", "{ signed_in: true }", &format!("{create}: access tightened from Public to SignedIn"));
    breaks(
        "{ service_only: true }",
        "{ signed_in: true }",
        "/lyceum.test.v1.ThingService/CountThings: access tightened from ServiceOnly to SignedIn",
    );
    breaks("IDEMPOTENCY_OPTIONAL", "IDEMPOTENCY_REQUIRED", &format!("{create}: an idempotency key is now required"));
}
