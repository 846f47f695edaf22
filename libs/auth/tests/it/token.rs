//! Which tokens are believed, and which never are.

use crate::helpers::{ISSUER, School, person, service, signer};
use auth::{AUDIENCE, Claims, Jwks, Keys, Person, Signer, Verifier};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::executor::block_on;
use proptest::prelude::*;
use ring::{hmac, signature::Ed25519KeyPair};
use rpc::Refusal;
use serde_json::{Value, json};
use std::sync::Arc;

fn refusal(school: &School, token: &str) -> &'static str {
    block_on(school.verifier.person(token)).unwrap_err().reason()
}

fn encode(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token that says anything, signed with this key.
fn signed(key: &Ed25519KeyPair, kid: &str, typ: &str, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(&json!({"alg": "EdDSA", "kid": kid, "typ": typ})), encode(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[test]
fn a_good_token_tells_who_its_bearer_is() {
    let school = School::new();
    let expected = Person { org: Some(uuid::Uuid::from_u128(9)), ..person(&["courses.edit", "users.read"]) };
    let now = values::Clock::now(school.clock.as_ref());
    let claims = Claims::new(ISSUER, &expected, now, std::time::Duration::from_secs(600));
    let token = school.signer.sign(&claims);
    for _ in 0..2 {
        assert_eq!(block_on(school.verifier.person(&token)).unwrap(), expected);
    }
}

#[test]
fn a_token_is_worth_nothing_after_its_end() {
    let school = School::new();
    let token = school.token(&[]);
    school.clock.advance(600 + 29);
    assert!(block_on(school.verifier.person(&token)).is_ok(), "clocks may be half a minute apart");
    school.clock.advance(1);
    assert_eq!(refusal(&school, &token), "TOKEN_EXPIRED");
}

#[test]
fn a_remembered_token_expires_too() {
    let school = School::new();
    let token = school.token(&[]);
    school.clock.advance(590);
    assert!(block_on(school.verifier.person(&token)).is_ok());
    school.clock.advance(40);
    assert_eq!(refusal(&school, &token), "TOKEN_EXPIRED");
}

#[test]
fn claims_for_others_or_from_others_are_refused() {
    let school = School::new();
    let good = school.claims(&[]);
    let bad = [
        Claims { iss: "https://elsewhere.example".into(), ..good.clone() },
        Claims { iss: "lyceum/services".into(), ..good.clone() },
        Claims { aud: "someone-else".into(), ..good.clone() },
        Claims { iat: good.iat + 31, ..good.clone() },
        Claims { exp: good.iat, ..good.clone() },
        Claims { iat: i64::MAX, exp: i64::MAX, ..good.clone() },
        Claims { exp: i64::MIN, ..good.clone() },
    ];
    assert!(block_on(school.verifier.person(&school.signer.sign(&good))).is_ok());
    for claims in bad {
        assert_eq!(refusal(&school, &school.signer.sign(&claims)), "TOKEN_INVALID", "{claims:?}");
    }
}

#[test]
fn the_end_of_time_is_a_date_like_others() {
    let school = School::new();
    let claims = Claims { exp: i64::MAX, ..school.claims(&[]) };
    assert!(block_on(school.verifier.person(&school.signer.sign(&claims))).is_ok());
}

#[test]
fn a_token_of_another_key_is_refused_even_under_a_known_id() {
    let school = School::new();
    let claims = school.claims(&["courses.edit"]);
    for forger in [signer("2027-01"), signer("unknown")] {
        assert_eq!(refusal(&school, &forger.sign(&claims)), "TOKEN_INVALID");
    }
}

#[test]
fn another_sort_of_token_is_refused_even_if_the_right_key_signed_it() {
    let school = School::new();
    let (person, kid) = (json!(school.claims(&["users.manage"])), "2027-01");
    let service =
        json!({"iss": "lyceum/services", "aud": "users", "sub": "gateway", "iat": 1_800_000_000, "exp": 1_800_000_300});
    let signed = |typ: &str, claims: &Value| signed(&school.key, kid, typ, claims);
    let verdict = |token: &str| block_on(school.verifier.verify(token, "users")).map_err(|refused| refused.reason());
    assert!(verdict(&signed("at+jwt", &person)).is_ok());
    for (typ, claims) in [("JWT", &person), ("", &person), ("at+jwt", &service), ("lyceum-service+jwt", &service)] {
        assert_eq!(verdict(&signed(typ, claims)), Err("TOKEN_INVALID"), "{typ} {claims}");
    }
}

/// A token with any header and a signature made by anything.
fn forged(claims: &Claims, header: &Value, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header), encode(&json!(claims)));
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(sign(&signed)))
}

#[test]
fn nobody_else_chooses_the_algorithm() {
    let school = School::new();
    let claims = school.claims(&["courses.edit"]);
    let public = school.signer.public_jwk();
    let x = BASE64_URL_SAFE_NO_PAD.decode(public.x()).unwrap();
    let hs256 = |text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &x), text.as_bytes()).as_ref().to_vec();
    for alg in ["none", "None", "HS256", "RS256", "ES256", "Ed25519", ""] {
        let header = json!({"alg": alg, "kid": public.kid(), "typ": "at+jwt"});
        assert_eq!(refusal(&school, &forged(&claims, &header, hs256)), "TOKEN_INVALID", "{alg}");
        assert_eq!(refusal(&school, &forged(&claims, &header, |_| vec![])), "TOKEN_INVALID", "{alg}");
    }
    let good = school.signer.sign(&claims);
    let (body, signature) = good.rsplit_once('.').unwrap();
    let payload = body.split_once('.').unwrap().1;
    let header = encode(&json!({"alg": "none", "kid": public.kid(), "typ": "at+jwt"}));
    assert_eq!(refusal(&school, &format!("{header}.{payload}.{signature}")), "TOKEN_INVALID");
    assert_eq!(refusal(&school, &format!("{body}.")), "TOKEN_INVALID");
}

#[test]
fn nobody_brings_their_own_key() {
    let school = School::new();
    let forger = signer("2027-01");
    let header = json!({"alg": "EdDSA", "kid": "2027-01", "typ": "at+jwt", "jwk": forger.public_jwk()});
    assert_eq!(refusal(&school, &forged(&school.claims(&[]), &header, |_| vec![0; 64])), "TOKEN_INVALID");
}

#[test]
fn changed_claims_break_the_signature() {
    let school = School::new();
    let poor = school.token(&[]);
    let parts: Vec<_> = poor.split('.').collect();
    let rich = encode(&json!(school.claims(&["users.manage"])));
    assert_eq!(refusal(&school, &format!("{}.{rich}.{}", parts[0], parts[2])), "TOKEN_INVALID");
}

#[test]
fn a_service_is_no_person_and_a_person_no_service() {
    let school = School::new();
    let service_token = school.courses.token_for("users");
    assert_eq!(refusal(&school, &service_token), "TOKEN_INVALID");
    let by = |token: &str| block_on(school.verifier.service(token, "users"));
    assert_eq!(by(&service_token).unwrap().as_str(), "courses");
    assert_eq!(by(&school.token(&[])).unwrap_err().reason(), "TOKEN_INVALID");
}

#[test]
fn a_service_cannot_sign_for_people_nor_people_for_services() {
    let school = School::new();
    // The service's key is known to the verifier, but not as one that issues people's tokens.
    let pkcs8 = Signer::generate().unwrap();
    let name = auth::ServiceName::parse("courses").unwrap();
    let courses = auth::ServiceIdentity::new(name, &pkcs8, school.clock.clone()).unwrap();
    let kid = courses.public_jwk().kid().to_owned();
    let people = Keys::fixed(Jwks::new([school.signer.public_jwk()]).unwrap());
    let services = Jwks::new([courses.public_jwk()]).unwrap();
    let verifier = Verifier::new(ISSUER, people, services, school.clock.clone());
    let forged = Signer::from_pkcs8(&kid, &pkcs8).unwrap().sign(&school.claims(&["users.manage"]));
    assert_eq!(block_on(verifier.person(&forged)).unwrap_err().reason(), "TOKEN_INVALID");
    assert!(block_on(verifier.service(&courses.token_for("users"), "users")).is_ok());
}

#[test]
fn a_service_speaks_only_for_itself_and_only_to_whom_it_spoke() {
    let school = School::new();
    let token = school.courses.token_for("users");
    let by = |verifier: &Verifier, target| block_on(verifier.service(&token, target)).map_err(|r| r.reason());
    assert_eq!(by(&school.verifier, "payments").unwrap_err(), "TOKEN_INVALID", "replayed to a third");
    assert!(by(&school.verifier, "users").is_ok());
    assert_eq!(by(&school.verifier, "payments").unwrap_err(), "TOKEN_INVALID", "remembered, and still replayed");
}

#[test]
fn a_services_key_cannot_sign_for_another_service() {
    let school = School::new();
    let pkcs8 = Signer::generate().unwrap();
    let name = auth::ServiceName::parse("courses").unwrap();
    let courses = auth::ServiceIdentity::new(name, &pkcs8, school.clock.clone()).unwrap().public_jwk();
    let key = Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
    let services = Jwks::new([courses.clone()]).unwrap();
    let verifier = Verifier::new(ISSUER, Keys::fixed(Jwks::default()), services, school.clock);
    for (name, believed) in
        [("courses", true), ("gateway", false), ("course", false), ("courses.x", false), ("", false)]
    {
        let claims =
            json!({"iss": "lyceum/services", "aud": "users", "sub": name, "iat": 1_800_000_000, "exp": 1_800_000_300});
        let token = signed(&key, courses.kid(), "lyceum-service+jwt", &claims);
        assert_eq!(block_on(verifier.service(&token, "users")).is_ok(), believed, "{name:?}");
    }
}

#[test]
fn a_service_of_another_installation_is_a_stranger() {
    let school = School::new();
    let stranger = service("courses", &school.clock);
    let refused = block_on(school.verifier.service(&stranger.token_for("users"), "users")).unwrap_err();
    assert_eq!(refused.reason(), "TOKEN_INVALID");
}

#[test]
fn a_service_renews_its_token_before_it_ends() {
    let school = School::new();
    let first = school.courses.token_for("users");
    school.clock.advance(200);
    assert_eq!(school.courses.token_for("users"), first);
    school.clock.advance(50);
    let second = school.courses.token_for("users");
    assert_ne!(second, first);
    school.clock.advance(100);
    let by = |token: &str| block_on(school.verifier.service(token, "users"));
    assert_eq!(by(&first).unwrap_err().reason(), "TOKEN_EXPIRED");
    assert!(by(&second).is_ok());
    school.clock.advance(-100_000);
    let third = school.courses.token_for("users");
    assert!(by(&third).is_ok(), "the clock was set back");
}

#[test]
fn two_services_can_share_a_verifier_while_a_key_is_exchanged() {
    let school = School::new();
    let (old, new) = (service("courses", &school.clock), service("courses", &school.clock));
    let services = Jwks::new([old.public_jwk(), new.public_jwk()]).unwrap();
    let verifier = Verifier::new(ISSUER, Keys::fixed(Jwks::default()), services, school.clock);
    for service in [old, new] {
        assert!(block_on(verifier.service(&service.token_for("users"), "users")).is_ok());
    }
}

#[test]
fn the_shape_of_a_token_is_the_promised_one() {
    let school = School::new();
    let token = school.token(&["courses.edit", "users.read"]);
    let part = |index: usize| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    assert_eq!(part(0), json!({"alg": "EdDSA", "kid": "2027-01", "typ": "at+jwt"}));
    let expected = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": uuid::Uuid::from_u128(7), "sid": uuid::Uuid::from_u128(8),
        "amr": ["pwd"], "roles": ["manager"], "scope": "courses.edit users.read",
        "iat": 1_800_000_000, "exp": 1_800_000_600,
    });
    assert_eq!(part(1), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_token_with_any_other_byte_in_it_is_refused(at in any::<prop::sample::Index>(), byte in 0_u8..128, person in any::<bool>()) {
        thread_local!(static SCHOOL: Arc<School> = Arc::new(School::new()));
        let school = SCHOOL.with(Arc::clone);
        let token = if person { school.token(&["courses.edit"]) } else { school.courses.token_for("users") };
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let damaged = String::from_utf8(bytes).unwrap();
        prop_assert!(block_on(school.verifier.verify(&token, "users")).is_ok());
        prop_assert!(block_on(school.verifier.verify(&damaged, "users")).is_err());
    }

    #[test]
    fn nonsense_is_refused_and_breaks_nothing(token in "\\PC{0,200}|([A-Za-z0-9_-]{0,80}\\.){0,4}[A-Za-z0-9_-]{0,80}") {
        thread_local!(static SCHOOL: Arc<School> = Arc::new(School::new()));
        prop_assert!(block_on(SCHOOL.with(Arc::clone).verifier.verify(&token, "users")).is_err());
    }
}
