//! The contract in `proto/` against its own rules and against what was published.

use std::{fs, path::Path};

use contract_gen::{Api, breaking, house_rules};
use proto::{Access, DESCRIPTOR, METHODS, Name};

const RENEW: &str = "After a look at what it breaks, run `cargo fleet contract accept`.";

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n- {line}")).collect()
}

#[test]
fn the_published_contract_is_not_broken() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/published.binpb");
    let published = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}. {RENEW}", path.display()));
    let published = Api::load(&published).unwrap_or_else(|refused| panic!("{refused}\n{RENEW}"));
    let broken = breaking(&published, &Api::load(DESCRIPTOR).unwrap());
    assert!(broken.is_empty(), "the contract breaks what was published:{}\n{RENEW}", list(&broken));
}

#[test]
fn the_contract_keeps_the_house_rules() {
    let broken = house_rules(&Api::load(DESCRIPTOR).unwrap());
    assert!(broken.is_empty(), "the contract breaks house rules:{}", list(&broken));
}

#[test]
fn every_method_is_found_by_its_path() {
    assert!(!METHODS.is_empty());
    for method in METHODS {
        assert_eq!(proto::method(method.path), Some(method));
    }
    assert_eq!(proto::method("/lyceum.users.v1.AuthService/NoSuchRpc"), None);
    assert_eq!(proto::method(""), None);
}

#[test]
fn the_table_says_what_the_sources_say() {
    let keys = proto::method("/lyceum.users.v1.AuthService/GetJwks").unwrap();
    assert_eq!((keys.access, keys.http), (Access::Public, None));
    let sign_in = proto::method("/lyceum.users.v1.AuthService/SignIn").unwrap();
    assert_eq!(sign_in.http, Some(("POST", "/v1/auth/sign-in")));
    let hooks = proto::method("/lyceum.payments.v1.WebhookService/ReceiveWebhook").unwrap();
    assert_eq!(hooks.access, Access::ServiceOnly);
}

#[test]
fn messages_know_their_full_names() {
    assert_eq!(proto::lyceum::values::v1::Money::full_name(), "lyceum.values.v1.Money");
    assert_eq!(proto::wkt::Timestamp::full_name(), "google.protobuf.Timestamp");
}
