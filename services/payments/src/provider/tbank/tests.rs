use super::*;
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
    for bad in [roubles(99), roubles(MOST + 1), Money::new(500, Currency::parse("USD").unwrap())] {
        assert_eq!(bank.accept(bad), Err(Refusal::AmountNotAccepted(bad)));
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
    let none = HashMap::new();
    let ours = signed(&bank, fields("1700000000001DEMO"));
    let hint = Hint::Payment {
        payment: "13660000003".into(),
        attempt: Some(attempt),
        failure: Some(Failure::InsufficientFunds),
    };
    assert_eq!(bank.read(&ours, &none), Ok(hint));
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
        assert_eq!(bank.read(&signed(&bank, other), &HashMap::new()), Ok(Hint::Other));
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
