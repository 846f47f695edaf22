//! The signature of requests and notifications: SHA-256 over the sorted root scalars and the password.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// The `Token` of these fields: nested values, nulls and the token itself do not count.
pub(crate) fn token(fields: &Map<String, Value>, password: &str) -> String {
    let mut parts = BTreeMap::from([("Password", password.to_owned())]);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "Token") {
        match value {
            Value::String(text) => parts.insert(name, text.clone()),
            Value::Number(number) => parts.insert(name, number.to_string()),
            Value::Bool(truth) => parts.insert(name, truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
    }
    hex::encode(digest(&SHA256, parts.into_values().collect::<String>().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn signed(fields: &Value, password: &str) -> String {
        token(fields.as_object().unwrap(), password)
    }

    const PASSWORD: &str = "k3y-P@ss_тест9";

    #[test]
    fn t1_the_official_vector_of_init() {
        let fields = json!({"TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
            "Description": "Подарочная карта на 1000 рублей", "DATA": {"Phone": "+71234567890"}, "Receipt": {"Items": []}});
        assert_eq!(
            signed(&fields, "usaf8fw8fsw21g"),
            "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9"
        );
        let mut other = fields;
        other["OrderId"] = "00000".into();
        assert_eq!(
            signed(&other, "11111111111111"),
            "72dd466f8ace0a37a1f740ce5fb78101712bc0665d91a8108c7c8a0ccd426db2"
        );
    }

    #[test]
    fn t2_the_official_vector_of_a_notification() {
        let fields = json!({"TerminalKey": "1321054611234DEMO", "OrderId": "201709", "Success": true, "Status": "AUTHORIZED",
            "PaymentId": 8742591, "ErrorCode": "0", "Amount": 9855, "CardId": 322264, "Pan": "430000******0777",
            "ExpDate": "1122", "RebillId": 101709, "Token": "ignored"});
        assert_eq!(signed(&fields, "Dfsfh56dgKl"), "b906d28e76c6428e37b25fcf86c0adc52c63d503013fdd632e300593d165766b");
    }

    #[test]
    fn t3_a_notification_with_nested_data() {
        let fields = json!({"TerminalKey": "1700000000001DEMO", "OrderId": "ord-2026-000042", "Success": true, "Status": "CONFIRMED",
            "PaymentId": 13660000001_i64, "ErrorCode": "0", "Amount": 149900, "RebillId": 3207469334123_i64, "CardId": 10452089,
            "Pan": "220138******0013", "ExpDate": "1230", "Data": {"Source": "cards", "Route": "ACQ"}});
        assert_eq!(signed(&fields, PASSWORD), "aa16d2757a4a090c683384edab27ec265d341479a4f365a346524674ae0d6c46");
    }

    #[test]
    fn t4_a_charge() {
        let fields = json!({"TerminalKey": "1700000000001DEMO", "PaymentId": 13660000002_i64, "RebillId": 3207469334123_i64,
            "IP": "203.0.113.7", "SendEmail": true, "InfoEmail": "user@example.com"});
        assert_eq!(signed(&fields, PASSWORD), "21bf53461468c27840c2055d5f05b26c537156ac4f37fa80906819b5437ac825");
    }

    #[test]
    fn t5_an_init_with_everything() {
        let fields = json!({"TerminalKey": "1700000000001DEMO", "Amount": 149900, "OrderId": "ord-2026-000042",
            "Description": "Подписка «Старт», 1 месяц", "CustomerKey": "cust-7", "Recurrent": "Y", "PayType": "O", "Language": "ru",
            "NotificationURL": "https://pay.example.com/hooks/tbank", "SuccessURL": "https://shop.example.com/ok?o=42&x=1",
            "FailURL": "https://shop.example.com/fail", "RedirectDueDate": "2026-12-31T23:59:00+03:00",
            "DATA": {"a": "b"}, "Receipt": {"Items": []}, "Shops": [{"ShopCode": "1"}]});
        assert_eq!(signed(&fields, PASSWORD), "b678f3b392afead0281c425eee4d318862b28ec7514612024eb85d236b2a10b4");
    }

    #[test]
    fn t6_a_declined_notification() {
        let fields = json!({"TerminalKey": "1700000000001DEMO", "OrderId": "ord-2026-000043", "Success": false, "Status": "REJECTED",
            "PaymentId": 13660000003_i64, "ErrorCode": "1051", "Amount": 149900, "Pan": "220138******0831", "ExpDate": "1230",
            "Message": "Недостаточно средств на карте."});
        assert_eq!(signed(&fields, PASSWORD), "1ef649c8918db6dcc1cb82909ac4df6743e87fc0c189a2db5f422fb4b74ad53a");
    }
}
