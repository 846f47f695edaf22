//! What cannot be served is refused, and the refusal names the rpc or the field.

use crate::helpers::{PUBLIC_GET, load, load_as_written, refused, rpc};

const PUBLIC: &str = "option (lyceum.api.v1.access) = { public: true };";
const NO_KEY: &str = "option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;";

/// A public rpc with this http rule.
fn http(rule: &str, fields: &str) -> String {
    rpc(&format!("{PUBLIC} {NO_KEY} option (google.api.http) = {{ {rule} }};"), fields)
}

/// A public GET whose request has this field.
fn field(declaration: &str) -> String {
    rpc(PUBLIC_GET, declaration)
}

#[test]
fn what_can_be_served_is_accepted() {
    load(&rpc(PUBLIC_GET, "string a = 1; repeated string b = 2; google.protobuf.Timestamp c = 3;")).unwrap();
    load("message OnlyAnEvent { string id = 1; }").unwrap();
}

#[test]
fn an_rpc_says_who_may_call_it() {
    refused(&rpc("", ""), "lyceum.test.v1.ThingService.DoThing: say who may call it: option (lyceum.api.v1.access)");
    refused(&rpc("option (lyceum.api.v1.access) = {};", ""), "DoThing: say who may call it");
    refused(&rpc("option (lyceum.api.v1.access) = { public: false };", ""), "DoThing: access says false");
    refused(
        &rpc("option (lyceum.api.v1.access) = { permission: \"\" };", ""),
        "DoThing: access names an empty permission",
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = format!(
        "service ThingService {{
            rpc One(OneRequest) returns (Thing) {{}}
            rpc Two(TwoRequest) returns (Thing) {{ {PUBLIC} option (google.api.http) = {{ get: \"/things\" }}; }}
         }}
         message OneRequest {{}} message TwoRequest {{}} message Thing {{ float size = 1; }}"
    );
    let told = load(&text).err().unwrap().0;
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn a_service_only_rpc_is_not_reached_from_outside() {
    let options =
        "option (lyceum.api.v1.access) = { service_only: true }; option (google.api.http) = { get: \"/v1/x\" };";
    refused(&rpc(options, ""), "DoThing: a service-only rpc has no REST address");
    load(&rpc("option (lyceum.api.v1.access) = { service_only: true };", "")).unwrap();
}

#[test]
fn streams_of_requests_have_no_rest_form() {
    let text = |streaming: &str, verb: &str| {
        format!(
            "service S {{ rpc Watch({streaming}) {{ {PUBLIC} {NO_KEY} option (google.api.http) = {{ {verb}: \"/v1/x\" }}; }} }}
             message WatchRequest {{}} message Seen {{ string id = 1; }}"
        )
    };
    refused(&text("stream WatchRequest) returns (Seen", "get"), "a stream of requests has no REST form");
    refused(&text("WatchRequest) returns (stream Seen", "post"), "a stream of answers is read with get");
    refused(&text("WatchRequest) returns (stream google.protobuf.Empty", "get"), "a stream of nothing");
    load(&text("WatchRequest) returns (stream Seen", "get")).unwrap();
}

#[test]
fn a_file_comes_in_pieces() {
    let text = |answer: &str, verb: &str| {
        format!(
            "service S {{ rpc Export(ExportRequest) returns ({answer}) {{ {PUBLIC} {NO_KEY} option (google.api.http) = {{ {verb}: \"/v1/x\" }}; }} }}
             message ExportRequest {{}}"
        )
    };
    refused(&text("lyceum.values.v1.FileChunk", "get"), "a file comes in pieces: answer with a stream of them");
    refused(&text("stream lyceum.values.v1.FileChunk", "post"), "a stream of answers is read with get");
    load(&text("stream lyceum.values.v1.FileChunk", "get")).unwrap();
}

#[test]
fn events_tell_where_to_go_on() {
    let text = |request: &str, event: &str| {
        format!(
            "service S {{ rpc Watch(WatchRequest) returns (stream Seen) {{ {PUBLIC_GET} }} }}
             message WatchRequest {{ {request} }} message Seen {{ {event} }}"
        )
    };
    let told = "needs that field in its messages, as the id of each event";
    refused(&text("string after_seen_id = 1;", "string id = 1;"), told);
    refused(&text("string after_seen_id = 1;", "int64 seen_id = 1;"), told);
    refused(&text("string after_seen_id = 1;", "repeated string seen_id = 1;"), told);
    load(&text("string after_seen_id = 1;", "string seen_id = 1;")).unwrap();
    load(&text("string name = 1;", "string id = 1;")).unwrap();
}

#[test]
fn http_rules_are_of_the_plain_kind() {
    refused(&http("custom: { kind: \"HEAD\" path: \"/v1/x\" }", ""), "needs get, put, post, delete or patch");
    refused(&http("get: \"/v1/x\" response_body: \"id\"", ""), "response_body is not supported");
    refused(&http("get: \"/v1/x\" body: \"*\"", ""), "get takes no body");
    refused(&http("delete: \"/v1/x\" body: \"*\"", ""), "delete takes no body");
    refused(&http("post: \"/v1/x\" body: \"nothing\"", ""), "body names no field of the request: nothing");
    refused(&http("post: \"/v1/x\" body: \"name\"", "string name = 1;"), "the body's field name is not a message");
    refused(&http("post: \"/v1/x\" body: \"things\"", "repeated Thing things = 1;"), "field things is not a message");
    refused(
        &http("post: \"/v1/x\" body: \"time\"", "google.protobuf.Timestamp time = 1;"),
        "field time is not a message",
    );
    let additional = "get: \"/v1/x\" additional_bindings { get: \"/x\" }";
    refused(&http(additional, ""), "/x: a path starts with the package's version, /v1/");
}

#[test]
fn paths_are_of_the_plain_kind() {
    refused(&http("get: \"/things\"", ""), "/things: a path starts with the package's version, /v1/");
    refused(&http("get: \"/v2/things\"", ""), "a path starts with the package's version");
    refused(&http("get: \"v1/things\"", ""), "a path starts with the package's version");
    refused(&http("get: \"/v1/things:count\"", ""), "\"things:count\" is no piece of a path (write /verb, not :verb)");
    refused(&http("get: \"/v1//things\"", ""), "\"\" is no piece of a path");
    refused(&http("get: \"/v1/Things\"", ""), "\"Things\" is no piece of a path");
    refused(&http("get: \"/v1/*\"", ""), "\"*\" is no piece of a path");
    refused(&http("get: \"/v1/{id=things/*}\"", "string id = 1;"), "is no piece of a path");
    refused(&http("get: \"/v1/{id=**}\"", "string id = 1;"), "{id=**} holds a pattern");
    refused(&http("get: \"/v1/{thing.id}\"", "Thing thing = 1;"), "{thing.id} must be a top-level field");
    refused(&http("get: \"/v1/{id}\"", ""), "the request has no field id");
    refused(&http("get: \"/v1/{ids}\"", "repeated string ids = 1;"), "ids is no single text");
    refused(&http("get: \"/v1/{thing}\"", "Thing thing = 1;"), "thing is no single text");
    refused(&http("get: \"/v1/{id}/{id}\"", "string id = 1;"), "id stands in the path twice");
    refused(&http("put: \"/v1/{thing}\" body: \"thing\"", "string thing = 1;"), "field thing is not a message");
}

#[test]
fn two_rpcs_do_not_share_an_address() {
    let text = |one: &str, other: &str| {
        format!(
            "service S {{
                rpc One(OneRequest) returns (Thing) {{ {PUBLIC} option (google.api.http) = {{ get: \"{one}\" }}; }}
                rpc Two(TwoRequest) returns (Thing) {{ {PUBLIC} option (google.api.http) = {{ get: \"{other}\" }}; }}
             }}
             message OneRequest {{ string id = 1; }} message TwoRequest {{ string id = 1; string name = 2; }}
             message Thing {{ string id = 1; }}"
        )
    };
    let told = "lyceum.test.v1.S.Two and lyceum.test.v1.S.One answer the same GET /v1/{id}";
    refused(&text("/v1/{id}", "/v1/{id}"), told);
    let told = "lyceum.test.v1.S.Two calls /v1/{name} what lyceum.test.v1.S.One calls {id}";
    refused(&text("/v1/{id}/x", "/v1/{name}/y"), told);
    load(&text("/v1/{id}", "/v1/search")).unwrap();
}

#[test]
fn a_post_decides_about_its_key() {
    let options = format!("{PUBLIC} option (google.api.http) = {{ post: \"/v1/x\" }};");
    refused(&rpc(&options, ""), "DoThing: decide whether it takes a key: option (lyceum.api.v1.idempotency)");
    let options = format!("{PUBLIC_GET} option (lyceum.api.v1.idempotency) = IDEMPOTENCY_REQUIRED;");
    refused(&rpc(&options, ""), "a get changes nothing and takes no idempotency key");
}

#[test]
fn only_public_answers_are_cached_for_everybody() {
    let cached = |access: &str, cache: &str, verb: &str| {
        let access =
            format!("option (lyceum.api.v1.access) = {{ {access} }}; option (lyceum.api.v1.cache) = {{ {cache} }};");
        rpc(&format!("{access} {NO_KEY} option (google.api.http) = {{ {verb}: \"/v1/x\" }};"), "")
    };
    refused(&cached("signed_in: true", "seconds: 9 shared: true", "get"), "only public answers are shared");
    refused(&cached("public: true", "seconds: 9", "post"), "only the answer to a get can be cached");
    refused(&cached("public: true", "shared: true", "get"), "leave out a cache of no seconds");
    load(&cached("public: true", "seconds: 9 shared: true", "get")).unwrap();
    load(&cached("signed_in: true", "seconds: 9", "get")).unwrap();
    let stream = cached("public: true", "seconds: 9", "get").replace("returns (Thing)", "returns (stream Thing)");
    refused(&stream, "a stream is never cached");
}

#[test]
fn requests_and_answers_are_messages_of_their_own() {
    let text = |input: &str, output: &str| {
        format!("service S {{ rpc Do({input}) returns ({output}) {{ {PUBLIC_GET} }} }} message In {{}}")
    };
    refused(&text("google.protobuf.Empty", "In"), "give it a request message of its own");
    refused(&text("In", "google.protobuf.Timestamp"), "answer with a message of its own");
    load(&text("In", "google.protobuf.Empty")).unwrap();
}

#[test]
fn fields_are_of_types_that_json_keeps() {
    refused(&field("float size = 1;"), "lyceum.test.v1.DoThingRequest.size: floating point is inexact");
    refused(&field("repeated double sizes = 1;"), "sizes: floating point is inexact");
    refused(&field("google.protobuf.Any any = 1;"), "any: google.protobuf.Any is not supported");
    refused(&field("google.protobuf.Struct tree = 1;"), "google.protobuf.Struct is not supported");
    refused(&field("google.protobuf.StringValue text = 1;"), "google.protobuf.StringValue is not supported");
    refused(&field("google.protobuf.Empty nothing = 1;"), "google.protobuf.Empty is not supported");
    refused(&field("map<int32, string> names = 1;"), "names: the key of a map must be a string");
    refused(
        &field("map<string, State> states = 1;")
            .replace("message Thing {", "enum State { STATE_UNSPECIFIED = 0; } message Thing {"),
        "a map cannot hold enums",
    );
    refused(&field("map<string, double> sizes = 1;"), "sizes: floating point is inexact");
    refused(&field("string line_1 = 1;"), "its JSON name line1 does not lead back to it");
    refused(&field("string name = 1 [json_name = \"title\"];"), "its JSON name title does not lead back to it");
    refused("enum State { OPEN = 0; }", "lyceum.test.v1.State: its first value must end in _UNSPECIFIED");
}

#[test]
fn what_is_no_query_parameter_needs_a_body() {
    let told = "DoThing: GET /v1/things: labels cannot be a query parameter, because it is a map; put it into the body";
    refused(&field("map<string, string> labels = 1;"), told);
    refused(&field("bytes hash = 1;"), "hash cannot be a query parameter, because it is binary");
    refused(&field("repeated Thing things = 1;"), "because it is a list of messages");
    refused(&field("oneof which { Thing thing = 1; }"), "because it is a message inside a oneof");
    let deep = "Deep deep = 1; message Deep { string id = 1; Deep deeper = 2; }";
    refused(&field(deep), "deeper cannot be a query parameter, because it lies too deep");
    load(&field("Thing thing = 1; oneof which { string text = 2; int64 number = 3; }")).unwrap();
}

#[test]
fn short_names_mean_one_thing() {
    let text = format!(
        "service One {{ rpc Get(GetRequest) returns (Thing) {{ {PUBLIC} option (google.api.http) = {{ get: \"/v1/a\" }}; }} }}
         service Two {{ rpc Get(GetRequest) returns (Thing) {{ {PUBLIC} option (google.api.http) = {{ get: \"/v1/b\" }}; }} }}
         message GetRequest {{}} message Thing {{ string id = 1; }}"
    );
    refused(&text, "lyceum.test.v1.One.Get and lyceum.test.v1.Two.Get have the same short name: rename one rpc");
}

#[test]
fn what_a_caller_sends_has_an_end() {
    let told = |fields: &str| load_as_written(&rpc(PUBLIC_GET, fields)).err().map(|refused| refused.to_string());
    let rule = |declaration: &str, rules: &str| told(&format!("{declaration} [(buf.validate.field).{rules}];"));
    let endless =
        Some("lyceum.test.v1.DoThingRequest.a: say how long it may be: option (buf.validate.field)".to_owned());
    for field in ["string a = 1;", "repeated int32 a = 1;", "optional string a = 1;"] {
        assert_eq!(told(field), endless, "{field}");
    }
    assert_eq!(rule("string a = 1", "string.min_len = 1"), endless);
    assert_eq!(rule("repeated string a = 1", "repeated.max_items = 3"), endless);
    assert_eq!(rule("repeated string a = 1", "repeated = {max_items: 3, items: {string: {uuid: true}}}"), None);
    assert_eq!(rule("string a = 1", "string.max_len = 3"), None);
    assert_eq!(rule("string a = 1", "string.uuid = true"), None);
}

#[test]
fn what_a_door_does_not_judge_itself_needs_a_value() {
    let why = "DoThingRequest.a: name the value that judges its pattern, its form or its bytes";
    for rules in [
        ".string = {max_len: 3, pattern: \"^a$\"}",
        ".string.max_bytes = 3",
        ".string = {max_len: 3, min_bytes: 1}",
        ".string = {max_len: 3, email: true}",
        ".string = {max_len: 3, uri: true}",
    ] {
        refused(&field(&format!("string a = 1 [(buf.validate.field){rules}];")), why);
        let judged = format!("string a = 1 [(buf.validate.field){rules}, (lyceum.api.v1.value) = \"String\"];");
        refused(&field(&judged), why);
        let judged = format!("string a = 1 [(buf.validate.field){rules}, (lyceum.api.v1.value) = \"Code\"];");
        assert!(load_as_written(&rpc(PUBLIC_GET, &judged)).is_ok(), "{rules}");
    }
}

#[test]
fn what_must_be_there_says_what_it_holds() {
    let required = |declaration: &str, rules: &str| {
        let rules = format!("(buf.validate.field) = {{required: true{rules}}}");
        load_as_written(&rpc(PUBLIC_GET, &format!("{declaration} a = 1 [{rules}];"))).err().map(|told| told.to_string())
    };
    let why = "DoThingRequest.a: say what it must hold at least, not that it is required";
    for (declaration, empty, held) in [
        ("string", ", string: {max_len: 3}", ", string: {min_len: 1, max_len: 3}"),
        ("repeated int32", ", repeated: {max_items: 3}", ", repeated: {min_items: 1, max_items: 3}"),
        ("int32", ", int32: {lte: 3}", ", int32: {gte: 1}"),
    ] {
        assert_eq!(required(declaration, held), None, "{declaration}");
        assert!(required(declaration, empty).is_some_and(|told| told.contains(why)), "{declaration}");
    }
    assert_eq!(required("optional int32", ""), None);
    assert_eq!(required("google.protobuf.Timestamp", ""), None);
}

#[test]
fn a_map_is_bounded_as_it_is_judged() {
    let map = |of: &str, rules: &str| {
        http(
            "post: \"/v1/x\" body: \"*\"",
            &format!("map<string, {of}> a = 1 [(buf.validate.field).map = {{max_pairs: 3, {rules}}}];"),
        )
    };
    let why = "DoThingRequest.a: bound its keys by characters and its values, which are texts, by bytes";
    let (keys, values) = ("keys: {string: {max_len: 9}}", "values: {string: {max_bytes: 9}}");
    load_as_written(&map("string", &format!("{keys}, {values}"))).unwrap();
    refused(&map("string", &format!("{keys}, values: {{string: {{max_len: 9}}}}")), why);
    refused(&map("string", &format!("keys: {{string: {{max_bytes: 9}}}}, {values}")), why);
    refused(&map("string", &format!("keys: {{string: {{max_len: 9, pattern: \"a\"}}}}, {values}")), why);
    refused(&map("int32", keys), why);
}

#[test]
fn a_secret_is_a_text_of_a_request_itself() {
    let why = "only a text of a request itself can be redacted";
    let redacted = |field: &str| format!("{field} [debug_redact = true];");
    load(&field("string a = 1 [debug_redact = true, (buf.validate.field).string.max_len = 9];")).unwrap();
    refused(&field(&redacted("int32 a = 1")), why);
    refused(&field(&redacted("Thing thing = 1")), why);
    refused(&field(&format!("oneof which {{ {} }}", redacted("string a = 1"))), why);
    refused(&field(&format!("Inner inner = 1; message Inner {{ {} }}", redacted("string a = 1"))), why);
}

#[test]
fn rules_are_of_those_that_are_printed() {
    let rule = |declaration: &str, rules: &str, why: &str| {
        refused(&field(&format!("{declaration} [(buf.validate.field){rules}];")), why)
    };
    rule("string a = 1", ".string.contains = \"x\"", "DoThingRequest.a: buf.validate's string.contains is not known");
    rule("string a = 1", ".cel_expression = \"true\"", "buf.validate's cel_expression is not known");
    rule("string a = 1", ".int32.gte = 1", "its buf.validate rules are those of int32, but it needs string");
    rule("string a = 1", ".string = {min_len: 3, max_len: 2}", "its least is more than its most");
    rule("string a = 1", " = {required: true, ignore: IGNORE_IF_ZERO_VALUE}", "it is required and may be left out");
}

#[test]
fn refusals_and_pages_are_named_properly() {
    let with = |option: &str| rpc(&format!("{PUBLIC_GET} option {option};"), "int32 size = 1;");
    refused(&with("(lyceum.api.v1.refusals) = {codes: [\"NotFound\"]}"), "\"NotFound\" is no name of a refusal");
    refused(&with("(lyceum.api.v1.refusals) = {codes: [\"A\", \"B\", \"A\"]}"), "A is listed twice");
    refused(&with("(lyceum.api.v1.paging) = {default_size: 5 max_size: 9}"), "paging needs the fields page_size");
    refused(&with("(lyceum.api.v1.export) = true"), "an export is a stream of answers");
}
