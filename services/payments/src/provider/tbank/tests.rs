use std::sync::LazyLock;

use super::*;
use proptest::prelude::*;
use time::macros::datetime;
use values::Id;

fn bank() -> Tbank {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Tbank::new(Config {
        url: "https://bank.example/v2".parse().unwrap(),
        terminal: "1700000000001DEMO".into(),
        password: "k3y-P@ss_тест9".into(),
        notify: "https://school.example/hook".parse().unwrap(),
        timeout: Duration::from_secs(1),
        roots: None,
        proxy: None,
    })
    .unwrap()
}

fn signed(bank: &Tbank, fields: Value) -> Vec<u8> {
    let mut fields = fields.as_object().unwrap().clone();
    let token = token::of(&fields, &bank.password);
    fields.insert("Token".into(), token.into());
    serde_json::to_vec(&fields).unwrap()
}

fn roubles(minor: i64) -> Money {
    Money::new(minor, Currency::RUB)
}

#[test]
fn the_methods_stand_under_the_base_with_or_without_a_slash() {
    assert_eq!(bank().url.join("Init").unwrap().as_str(), "https://bank.example/v2/Init");
}

#[test]
fn only_roubles_and_only_amounts_that_the_bank_takes() {
    let bank = bank();
    for fits in [LEAST, 149_000, MOST] {
        assert_eq!(bank.accept(roubles(fits)), Ok(()));
    }
    let refused = Refusal::AmountNotAccepted { min: LEAST, max: MOST, currency: Currency::RUB };
    for bad in [roubles(99), roubles(MOST + 1), Money::new(500, Currency::parse("USD").unwrap())] {
        assert_eq!(bank.accept(bad), Err(refused.clone()));
    }
}

#[test]
fn a_notification_is_believed_for_its_token_and_its_terminal() {
    let bank = bank();
    let attempt: AttemptId = Id::new(datetime!(2026-03-02 09:00 UTC));
    let fields = |terminal: &str| {
        json!({
            "TerminalKey": terminal, "OrderId": attempt.to_string(), "PaymentId": 13660000003_i64, "Status": "REJECTED",
            "Success": false, "ErrorCode": "1051", "Amount": 149900, "SomethingNew": 7, "Data": {"a": 1},
        })
    };
    let none = BTreeMap::new();
    let ours = signed(&bank, fields("1700000000001DEMO"));
    let notification = Notification::Payment {
        payment: "13660000003".into(),
        attempt: Some(attempt),
        failure: Some(Failure::InsufficientFunds),
    };
    assert_eq!(bank.read(&ours, &none), Ok(notification));
    let foreign = signed(&bank, fields("1800000000001"));
    assert_eq!(bank.read(&foreign, &none), Err(NotBelieved::ForeignShop));
    let tampered = String::from_utf8(ours).unwrap().replace("149900", "149901");
    assert_eq!(bank.read(tampered.as_bytes(), &none), Err(NotBelieved::Forged));
    for bad in ["", "OK", "[]", "null", "{\"Token\":"] {
        assert_eq!(bank.read(bad.as_bytes(), &none), Err(NotBelieved::Malformed), "{bad}");
    }
}

#[test]
fn what_is_not_about_a_payment_is_something_else() {
    let bank = bank();
    let receipt = json!({
        "TerminalKey": "1700000000001DEMO", "OrderId": "x", "PaymentId": 1, "Status": "RECEIPT", "FiscalNumber": 3,
    });
    let link = json!({ "TerminalKey": "1700000000001DEMO", "NotificationType": "LINKACCOUNT", "Status": "ACTIVE" });
    for other in [receipt, link] {
        assert_eq!(bank.read(&signed(&bank, other), &BTreeMap::new()), Ok(Notification::Other));
    }
}

#[test]
fn answers_are_read_with_ids_as_texts_or_numbers() {
    let bank = bank();
    let attempt: AttemptId = Id::new(datetime!(2026-03-02 09:00 UTC));
    let whole = json!({ "TerminalKey": "1700000000001DEMO", "OrderId": attempt.to_string() });
    let expected = Report {
        payment: "7".into(),
        attempt: Some(attempt),
        our_shop: true,
        amount: roubles(149_900),
        status: Status::Failed(Failure::InsufficientFunds),
    };
    for part in [
        json!({ "PaymentId": 7, "Amount": 149900, "Status": "REJECTED", "ErrorCode": 1051 }),
        json!({ "PaymentId": "7", "Amount": "149900", "Status": "REJECTED", "ErrorCode": "1051" }),
    ] {
        let report = bank.report(whole.as_object().unwrap(), part.as_object().unwrap()).unwrap();
        assert_eq!(report, expected);
    }
    let without_amount = json!({ "PaymentId": 7, "Status": "CONFIRMED" });
    let unread = bank.report(whole.as_object().unwrap(), without_amount.as_object().unwrap());
    assert!(matches!(unread, Err(Trouble::Lost(_))), "money is not counted on trust");
}

#[test]
fn the_due_date_is_written_as_the_bank_reads_it() {
    assert_eq!(due_date(datetime!(2026-12-31 20:59:00 UTC)).unwrap(), "2026-12-31T23:59:00+03:00");
}

/// Any JSON that a stranger may write.
fn json_of_a_stranger() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(REJECTED|CONFIRMED|RECEIPT|1700000000001DEMO|[0-9]{1,20})".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

fn fields_of_a_stranger() -> impl Strategy<Value = Map<String, Value>> {
    let name = "(OrderId|PaymentId|Status|ErrorCode|Amount|Token|Password|[A-Za-z]{0,6})";
    prop::collection::btree_map(name, json_of_a_stranger(), 0..9).prop_map(|fields| fields.into_iter().collect())
}

/// One bank for all cases: to make a client is slow.
static BANK: LazyLock<Tbank> = LazyLock::new(bank);

proptest! {
    #[test]
    fn bytes_of_a_stranger_are_never_believed(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(BANK.read(&body, &BTreeMap::new()).is_err());
    }

    #[test]
    fn fields_of_a_stranger_are_never_believed(fields in fields_of_a_stranger()) {
        let body = serde_json::to_vec(&fields).unwrap();
        prop_assert!(BANK.read(&body, &BTreeMap::new()).is_err());
    }

    #[test]
    fn whatever_the_bank_signs_is_believed_or_is_about_another_shop(
        mut fields in fields_of_a_stranger(), ours in any::<bool>(),
    ) {
        if ours {
            fields.insert("TerminalKey".into(), "1700000000001DEMO".into());
        }
        let body = signed(&BANK, fields.into());
        let read = BANK.read(&body, &BTreeMap::new());
        prop_assert_eq!(read.is_ok(), ours, "{:?}", read);
    }
}
