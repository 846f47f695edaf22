//! The house rules name what breaks them.

use contract_gen::house_rules;

use crate::helpers::load;

const TIDY: &str = "
// Things.
service ThingService {
  // Get a thing.
  rpc GetThing(GetThingRequest) returns (Thing) { option (lyceum.api.v1.access) = { public: true }; }
}
// Asks for a thing.
message GetThingRequest {}
// A thing.
message Thing {
  // What state it is in.
  enum State {
    // Unknown.
    STATE_UNSPECIFIED = 0;
  }
  // Its state.
  State state = 1;
}
";

#[test]
fn a_tidy_contract_breaks_no_rule() {
    assert_eq!(house_rules(&load(TIDY).unwrap()), Vec::<String>::new());
}

#[test]
fn everything_has_a_comment() {
    for (comment, name) in [
        ("// Things.", "lyceum.test.v1.ThingService"),
        ("// Get a thing.", "lyceum.test.v1.ThingService.GetThing"),
        ("// A thing.", "lyceum.test.v1.Thing"),
        ("// Its state.", "lyceum.test.v1.Thing.state"),
        ("// What state it is in.", "lyceum.test.v1.Thing.State"),
        ("// Unknown.", "lyceum.test.v1.Thing.STATE_UNSPECIFIED"),
    ] {
        let broken = house_rules(&load(&TIDY.replace(comment, "")).unwrap());
        assert_eq!(broken, [format!("{name}: write a comment before it")]);
    }
}

#[test]
fn names_follow_their_owner() {
    let broken = house_rules(&load(&TIDY.replace("STATE_UNSPECIFIED", "THING_UNSPECIFIED")).unwrap());
    assert_eq!(broken, ["lyceum.test.v1.Thing.THING_UNSPECIFIED: begin its name with STATE_"]);
    let broken = house_rules(&load(&TIDY.replace("GetThingRequest", "Wish")).unwrap());
    assert_eq!(broken, ["lyceum.test.v1.ThingService.GetThing: name its request GetThingRequest"]);
}
