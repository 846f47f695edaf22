//! Faults: what goes wrong next, where, and how often. Switched on over HTTP.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{Method, StatusCode},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use crate::{s3::places, world::World};

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A call does nothing and answers HTTP 500.
    #[serde(rename = "500")]
    ServerError,
    /// A call, notification or mail session takes `delayMs` longer.
    Slow,
    /// A call has its effect, but the connection breaks before the answer.
    DropReply,
    /// Notifications of one event, or an answer of the Document System, leave `delayMs` later.
    Late,
    /// Notifications or answers leave two times.
    Twice,
    /// CONFIRMED arrives, and is answered, before AUTHORIZED leaves.
    OutOfOrder,
    /// Notifications do not leave at all; a call of S3 is never answered.
    Never,
    /// S3 says that it is busy.
    #[serde(rename = "503")]
    SlowDown,
    /// S3 says that we ask too often.
    #[serde(rename = "429")]
    TooMany,
    /// The connection breaks in the middle of what is sent to S3.
    CutUpload,
    /// The connection breaks in the middle of S3's answer.
    CutReply,
    /// S3's answer is as long as it should be, with a wrong bit.
    WrongBody,
    /// The Document System rejects the paper, for `reason`.
    Rejected,
    /// The Document System says that it failed.
    Failed,
    /// The Document System's answer names a case that nobody has.
    UnknownCase,
    /// The Document System's answer names another tutor.
    WrongTutor,
    /// The Document System's answer is no JSON.
    Malformed,
    /// A notification is signed with another password.
    BadSignature,
    /// The mail server refuses for the moment.
    #[serde(rename = "451")]
    MailLater,
    /// The mail server refuses for good.
    #[serde(rename = "550")]
    MailNever,
    /// The mail server keeps the mail, but the connection breaks before its 250.
    DropAfterData,
    /// The mail server keeps the mail and says so, and the connection breaks after it.
    #[serde(rename = "drop-after-250")]
    DropAfter250,
}

/// Where a fault can strike, and which of them.
fn possible(on: &str) -> &'static [Kind] {
    match on {
        "tbank.Init" | "tbank.GetState" | "tbank.CheckOrder" | "tbank.Confirm" | "tbank.Cancel" => {
            &[Kind::ServerError, Kind::Slow, Kind::DropReply]
        }
        "tbank.notification" => &[Kind::Late, Kind::Twice, Kind::OutOfOrder, Kind::Never, Kind::BadSignature],
        "docverify" => &[
            Kind::Rejected,
            Kind::Failed,
            Kind::Late,
            Kind::Twice,
            Kind::Never,
            Kind::UnknownCase,
            Kind::WrongTutor,
            Kind::Malformed,
        ],
        "smtp" => &[Kind::MailLater, Kind::MailNever, Kind::Slow, Kind::DropAfterData, Kind::DropAfter250],
        "s3" | "s3.PUT" | "s3.POST" => S3,
        "s3.GET" => &[
            Kind::ServerError,
            Kind::SlowDown,
            Kind::TooMany,
            Kind::Slow,
            Kind::Never,
            Kind::DropReply,
            Kind::CutReply,
            Kind::WrongBody,
        ],
        "s3.HEAD" | "s3.DELETE" => {
            &[Kind::ServerError, Kind::SlowDown, Kind::TooMany, Kind::Slow, Kind::Never, Kind::DropReply]
        }
        _ => &[],
    }
}

/// What can go wrong with a call of S3 that sends something and gets something.
const S3: &[Kind] = &[
    Kind::ServerError,
    Kind::SlowDown,
    Kind::TooMany,
    Kind::Slow,
    Kind::Never,
    Kind::DropReply,
    Kind::CutUpload,
    Kind::CutReply,
    Kind::WrongBody,
];

/// A fault that waits for its occasion.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    /// Where: `tbank.Init` and the like, `tbank.notification`, `smtp`, `docverify`, `s3` or one method of it as in `s3.PUT`.
    on: String,
    kind: Kind,
    /// How often; once if it is not said.
    #[serde(default = "once")]
    count: u32,
    /// For `slow` and `late`, in milliseconds.
    #[serde(default)]
    delay_ms: u64,
    /// Only where this text occurs: in the call's body, in the body of the payment's Init, in the mail's recipient, in
    /// the question about a paper, or in the path and query of a call of S3.
    #[serde(default)]
    containing: String,
    /// For `rejected`: why a paper is.
    #[serde(default)]
    reason: Reason,
}

/// Why a paper is rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Reason {
    #[default]
    Unreadable,
    NameDiffers,
    OutOfDate,
    WrongPaper,
    Forged,
    Other,
}

fn once() -> u32 {
    1
}

/// What to do wrong now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) delay: Duration,
    pub(crate) reason: Reason,
}

/// The faults that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Takes the first fault that waits for this occasion.
    pub(crate) fn take(&mut self, on: &str, text: &str) -> Option<Trouble> {
        let at = self.0.iter().position(|fault| fault.on == on && text.contains(&fault.containing))?;
        let fault = &mut self.0[at];
        let trouble = Trouble { kind: fault.kind, delay: Duration::from_millis(fault.delay_ms), reason: fault.reason };
        fault.count = fault.count.saturating_sub(1);
        if fault.count == 0 {
            self.0.remove(at);
        }
        Some(trouble)
    }
}

impl Faults {
    /// Takes the first fault that waits for a call of S3, by its method or by any.
    pub(crate) fn take_at_s3(&mut self, method: &Method, target: &str) -> Option<Trouble> {
        places(method).into_iter().find_map(|on| self.take(&on, target))
    }
}

pub(crate) fn routes() -> Router<World> {
    Router::new().route("/control/faults", get(list).delete(clear)).route("/control/faults", post(add))
}

async fn list(State(world): State<World>) -> Json<Vec<Fault>> {
    Json(world.faults().0.clone())
}

async fn add(State(world): State<World>, Json(fault): Json<Fault>) -> (StatusCode, String) {
    if !possible(&fault.on).contains(&fault.kind) {
        let complaint = format!("{:?} cannot happen on {}: see the README for what can", fault.kind, fault.on);
        return (StatusCode::UNPROCESSABLE_ENTITY, complaint);
    }
    world.faults().0.push(fault);
    (StatusCode::CREATED, String::new())
}

async fn clear(State(world): State<World>) -> StatusCode {
    world.faults().0.clear();
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_says_and_only_where() {
        let mut faults = Faults::default();
        let fault = serde_json::json!({"on": "tbank.Init", "kind": "500", "count": 2, "containing": "order-7"});
        faults.0.push(serde_json::from_value(fault).unwrap());
        assert!(faults.take("tbank.Cancel", "order-7").is_none());
        assert!(faults.take("tbank.Init", "order-8").is_none());
        assert_eq!(faults.take("tbank.Init", "order-7").unwrap().kind, Kind::ServerError);
        assert!(faults.take("tbank.Init", "order-7").is_some());
        assert!(faults.take("tbank.Init", "order-7").is_none());
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        for bad in [r#"{"on":"smtp","kind":"sometimes"}"#, r#"{"on":"smtp","kind":"451","delay":1}"#] {
            assert!(serde_json::from_str::<Fault>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fault_belongs_to_a_place_where_it_can_happen() {
        assert!(possible("smtp").contains(&Kind::MailLater));
        assert!(!possible("smtp").contains(&Kind::Never));
        assert!(!possible("tbank.Init").contains(&Kind::MailLater));
        assert!(possible("tbank.init").is_empty());
    }
}
