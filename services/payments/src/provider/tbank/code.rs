//! T-Bank's words for what happened, in ours.

use crate::domain::{Failure, Status};

/// What an ErrorCode means; none for "0", which is no error.
pub(super) fn failure(code: &str) -> Option<Failure> {
    let failure = match code {
        "0" | "" => return None,
        "101" | "106" | "511" | "2014" => Failure::AuthenticationFailed,
        "103" | "116" | "1051" | "3002" => Failure::InsufficientFunds,
        "1014" | "1015" | "1033" | "1054" | "1082" => Failure::CardDetailsWrong,
        "1041" | "1043" => Failure::CardBlocked,
        "1061" | "1065" => Failure::LimitExceeded,
        "603" | "119" | "2200" => Failure::TooManyTries,
        "99" | "100" | "102" | "1005" | "1012" | "1013" | "1057" => Failure::IssuerRefused,
        "3" | "401" | "402" | "999" | "9999" | "1030" | "1034" | "1089" | "1091" | "1096" => Failure::ProviderTrouble,
        "4" | "8" | "9" | "10" | "20" | "202" | "204" | "205" | "240" | "251" | "255" | "308" | "309" | "323"
        | "329" | "330" | "334" | "1125" | "1126" | "1202" | "1203" | "1204" | "3001" | "3019" => Failure::ShopSetup,
        _ => Failure::Declined,
    };
    Some(failure)
}

/// Whether a refusal is only trouble that may be over soon, so that the same call may be repeated.
pub(super) fn is_transient(code: &str) -> bool {
    // 3029 and 3030 say how often money may be returned by the Faster Payments System: once an hour, five times a day.
    failure(code) == Some(Failure::ProviderTrouble) || matches!(code, "3029" | "3030")
}

/// Says that the payment, the order or the call is in another state than the call needs, so that the state must be
/// looked at.
pub(super) fn is_wrong_state(code: &str) -> bool {
    matches!(code, "4" | "8" | "20" | "3037")
}

/// Says that there is no such payment.
pub(super) const NOT_FOUND: &str = "255";

/// What a Status means. The code says why a payment ended; the status alone often does not.
pub(super) fn status(status: &str, code: &str) -> Status {
    let because = |usual: Failure| Status::Failed(failure(code).unwrap_or(usual));
    match status {
        "CONFIRMED" => Status::Captured,
        "REFUNDED" | "REVERSED" => Status::Returned,
        "REVERSING" | "REFUNDING" | "ASYNC_REFUNDING" => Status::Returning,
        "PARTIAL_REFUNDED" | "PARTIAL_REVERSED" => Status::PartlyReturned,
        "REJECTED" => because(Failure::Declined),
        "AUTH_FAIL" => because(Failure::AuthenticationFailed),
        "ATTEMPTS_EXPIRED" => Status::Failed(Failure::TooManyTries),
        "DEADLINE_EXPIRED" => Status::Failed(Failure::PageExpired),
        "CANCELED" => Status::Failed(Failure::Cancelled),
        // NEW, FORM_SHOWED, AUTHORIZED, 3DS_CHECKING, … and every word that is newer than this list: not over, ask
        // later.
        _ => Status::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_codes_has_our_name() {
        for (code, named) in [
            ("1051", Failure::InsufficientFunds),
            ("101", Failure::AuthenticationFailed),
            ("1054", Failure::CardDetailsWrong),
            ("1043", Failure::CardBlocked),
            ("1061", Failure::LimitExceeded),
            ("603", Failure::TooManyTries),
            ("1005", Failure::IssuerRefused),
            ("9999", Failure::ProviderTrouble),
            ("205", Failure::ShopSetup),
            ("777777", Failure::Declined),
        ] {
            assert_eq!(failure(code), Some(named), "{code}");
        }
        assert_eq!(failure("0"), None);
    }

    #[test]
    fn a_status_that_is_not_known_is_not_over() {
        for open in
            ["NEW", "FORM_SHOWED", "AUTHORIZING", "AUTHORIZED", "3DS_CHECKED", "CONFIRMING", "SOMETHING_NEW", ""]
        {
            assert_eq!(status(open, "0"), Status::Open, "{open}");
        }
    }

    #[test]
    fn why_a_payment_ended_is_in_its_code_or_else_in_its_status() {
        assert_eq!(status("REJECTED", "1051"), Status::Failed(Failure::InsufficientFunds));
        assert_eq!(status("REJECTED", "0"), Status::Failed(Failure::Declined));
        assert_eq!(status("AUTH_FAIL", "0"), Status::Failed(Failure::AuthenticationFailed));
        assert_eq!(status("DEADLINE_EXPIRED", "0"), Status::Failed(Failure::PageExpired));
    }
}
