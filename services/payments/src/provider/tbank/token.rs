//! T-Bank's Token: the proof in every request and notification.
//!
//! SHA-256 over the values of all scalar fields at the root, the password among them, in the order of their names.

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

const TOKEN: &str = "Token";
const PASSWORD: &str = "Password";

/// The token of these fields, whatever they are called: fields that we do not know count as well.
pub(super) fn of(fields: &Map<String, Value>, password: &SecretString) -> String {
    let signed = fields.iter().filter(|(name, _)| *name != TOKEN && *name != PASSWORD);
    let mut values: Vec<(&str, String)> =
        signed.filter_map(|(name, value)| Some((name.as_str(), scalar(value)?))).collect();
    values.push((PASSWORD, password.expose_secret().to_owned()));
    values.sort_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
    let line: String = values.into_iter().map(|(_, value)| value).collect();
    hex::encode(digest(&SHA256, line.as_bytes()))
}

/// Whether the fields carry their own token. Takes equally long for every wrong one.
pub(super) fn proves(fields: &Map<String, Value>, password: &SecretString) -> bool {
    let Some(sent) = fields.get(TOKEN).and_then(Value::as_str) else { return false };
    let expected = of(fields, password);
    expected.as_bytes().ct_eq(sent.to_ascii_lowercase().as_bytes()).into()
}

/// The text of a scalar; objects, arrays and nulls are not signed.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn holds(password: &str, fields: Value, token: &str) {
        let password = SecretString::from(password);
        let Value::Object(mut fields) = fields else { panic!() };
        assert_eq!(of(&fields, &password), token);
        fields.insert("Token".into(), token.into());
        assert!(proves(&fields, &password));
        fields.insert("Token".into(), token.to_uppercase().into());
        assert!(proves(&fields, &password));
        fields.insert("Extra".into(), "1".into());
        assert!(!proves(&fields, &password), "an unknown field must count");
    }

    const OWN: &str = "k3y-P@ss_тест9";

    #[test]
    fn t1_the_banks_own_example_of_a_request() {
        holds(
            "usaf8fw8fsw21g",
            json!({
                "TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
                "Description": "Подарочная карта на 1000 рублей",
                "DATA": {"Phone": "+71234567890", "Email": "a@test.com"},
                "Receipt": {"Email": "a@test.ru", "Items": [{"Name": "x", "Price": 10000}]},
            }),
            "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9",
        );
    }

    #[test]
    fn t1b_the_banks_newer_example_of_a_request() {
        holds(
            "11111111111111",
            json!({
                "TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "00000",
                "Description": "Подарочная карта на 1000 рублей", "DATA": {}, "Receipt": {},
            }),
            "72dd466f8ace0a37a1f740ce5fb78101712bc0665d91a8108c7c8a0ccd426db2",
        );
    }

    #[test]
    fn t2_the_banks_own_example_of_a_notification() {
        holds(
            "Dfsfh56dgKl",
            json!({
                "TerminalKey": "1321054611234DEMO", "OrderId": "201709", "Success": true, "Status": "AUTHORIZED",
                "PaymentId": 8742591, "ErrorCode": "0", "Amount": 9855, "CardId": 322264, "Pan": "430000******0777",
                "ExpDate": "1122", "RebillId": 101709,
            }),
            "b906d28e76c6428e37b25fcf86c0adc52c63d503013fdd632e300593d165766b",
        );
    }

    #[test]
    fn t3_a_confirmed_notification_with_nested_data() {
        holds(
            OWN,
            json!({
                "TerminalKey": "1700000000001DEMO", "OrderId": "ord-2026-000042", "Success": true, "Status": "CONFIRMED",
                "PaymentId": 13660000001_i64, "ErrorCode": "0", "Amount": 149900, "RebillId": 3207469334123_i64,
                "CardId": 10452089, "Pan": "220138******0013", "ExpDate": "1230", "Data": {"Source": "cards", "Route": "ACQ"},
            }),
            "aa16d2757a4a090c683384edab27ec265d341479a4f365a346524674ae0d6c46",
        );
    }

    #[test]
    fn t4_names_are_ordered_by_bytes_capitals_first() {
        holds(
            OWN,
            json!({
                "TerminalKey": "1700000000001DEMO", "PaymentId": 13660000002_i64, "RebillId": 3207469334123_i64,
                "IP": "203.0.113.7", "SendEmail": true, "InfoEmail": "user@example.com",
            }),
            "21bf53461468c27840c2055d5f05b26c537156ac4f37fa80906819b5437ac825",
        );
    }

    #[test]
    fn t5_a_request_with_everything() {
        holds(
            OWN,
            json!({
                "TerminalKey": "1700000000001DEMO", "Amount": 149900, "OrderId": "ord-2026-000042",
                "Description": "Подписка «Старт», 1 месяц", "CustomerKey": "cust-7", "Recurrent": "Y", "PayType": "O",
                "Language": "ru", "NotificationURL": "https://pay.example.com/hooks/tbank",
                "SuccessURL": "https://shop.example.com/ok?o=42&x=1", "FailURL": "https://shop.example.com/fail",
                "RedirectDueDate": "2026-12-31T23:59:00+03:00", "DATA": {"a": "b"}, "Receipt": {"Email": "x"},
                "Shops": [{"ShopCode": "1"}],
            }),
            "b678f3b392afead0281c425eee4d318862b28ec7514612024eb85d236b2a10b4",
        );
    }

    #[test]
    fn t6_a_refusal_is_signed_with_the_word_false() {
        holds(
            OWN,
            json!({
                "TerminalKey": "1700000000001DEMO", "OrderId": "ord-2026-000043", "Success": false, "Status": "REJECTED",
                "PaymentId": 13660000003_i64, "ErrorCode": "1051", "Amount": 149900, "Pan": "220138******0831",
                "ExpDate": "1230", "Message": "Недостаточно средств на карте.",
            }),
            "1ef649c8918db6dcc1cb82909ac4df6743e87fc0c189a2db5f422fb4b74ad53a",
        );
    }

    #[test]
    fn nulls_are_not_signed_and_a_password_in_the_message_is_not_believed() {
        let password = SecretString::from("secret");
        let fields = |value: Value| value.as_object().unwrap().clone();
        let plain = of(&fields(json!({"OrderId": "1"})), &password);
        assert_eq!(of(&fields(json!({"OrderId": "1", "Message": null, "Password": "guess"})), &password), plain);
        assert!(!proves(&fields(json!({"OrderId": "1"})), &password));
        assert!(!proves(&fields(json!({"OrderId": "1", "Token": ""})), &password));
        assert!(!proves(&fields(json!({"OrderId": "1", "Token": 7})), &password));
    }
}
