//! An answer of the Document System, read. Nothing in it is believed: who it is about is checked against the case.

use serde::Deserialize;

use super::{CONTENT_TYPE, FAILED, REJECTED, SPEC_VERSION, VERIFIED};
use crate::{
    domain::{
        case::Finding,
        paper::{self, Reason},
    },
    flows::apply_answer::Answer,
};

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;
/// The longest id or source of an event.
const LONGEST_ID: usize = 256;
/// How much of an explanation is kept, in characters.
const DETAIL: usize = 300;

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub content_type: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
    pub body: &'a [u8],
}

/// A message that is no answer. It never will be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the content type is not {CONTENT_TYPE}")]
    ContentType,
    #[error("the body is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the body is not a CloudEvent: {0}")]
    NotAnEvent(String),
    #[error("the version of CloudEvents is not {SPEC_VERSION}")]
    SpecVersion,
    #[error("the event has no usable {0}")]
    Attribute(&'static str),
    #[error("the type of the event is not known")]
    Type,
    #[error("the data have no usable {0}")]
    Data(&'static str),
    #[error("the correlation id and the subject name different cases")]
    TwoCases,
}

#[derive(Deserialize)]
struct Event {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    subject: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    request_id: Option<String>,
    tutor_id: Option<String>,
    valid_until: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
}

/// Reads an answer. What is not known in it is ignored, so that the other side may add to it.
pub fn read(message: Message<'_>) -> Result<Answer, NoAnswer> {
    let media_type = message.content_type.and_then(|text| text.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case(CONTENT_TYPE)) {
        return Err(NoAnswer::ContentType);
    }
    if message.body.len() > LONGEST {
        return Err(NoAnswer::TooLong);
    }
    let event: Event = serde_json::from_slice(message.body).map_err(|error| {
        // The position helps; serde's words may repeat what is in the body, which is nobody's business.
        NoAnswer::NotAnEvent(format!("line {}, column {}", error.line(), error.column()))
    })?;
    if event.specversion != SPEC_VERSION {
        return Err(NoAnswer::SpecVersion);
    }
    let id = usable(&event.id).ok_or(NoAnswer::Attribute("id"))?;
    let source = usable(&event.source).ok_or(NoAnswer::Attribute("source"))?;
    let case = case(message.correlation_id, event.subject.as_deref())?;
    let data = event.data.ok_or(NoAnswer::Attribute("data"))?;
    let ask = data.request_id.and_then(|id| id.parse().ok()).ok_or(NoAnswer::Data("requestId"))?;
    let tutor = data.tutor_id.and_then(|id| id.parse().ok()).ok_or(NoAnswer::Data("tutorId"))?;
    let finding = match event.r#type.as_str() {
        VERIFIED => {
            let until = data.valid_until.as_deref().filter(|text| !text.is_empty()).map(paper::parse_day);
            Finding::Verified(until.transpose().map_err(|_| NoAnswer::Data("validUntil"))?)
        }
        // A reason that we have no word for is one of the others; the history has it.
        REJECTED => {
            Finding::Rejected(data.reason.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Reason::Other))
        }
        FAILED => Finding::Failed,
        _ => return Err(NoAnswer::Type),
    };
    let detail = [data.reason, data.detail].into_iter().flatten().filter(|text| !text.is_empty());
    let detail = printable(&detail.collect::<Vec<_>>().join(": "));
    Ok(Answer { source, event: id, case, ask, tutor, finding, detail })
}

/// The case, which the correlation id names, or else the subject. Both have to agree.
fn case(correlation: Option<&str>, subject: Option<&str>) -> Result<crate::domain::id::CaseId, NoAnswer> {
    if let (Some(one), Some(other)) = (correlation, subject)
        && one != other
    {
        return Err(NoAnswer::TwoCases);
    }
    correlation.or(subject).and_then(|id| id.parse().ok()).ok_or(NoAnswer::Attribute("correlation id"))
}

/// An id or a source that can be stored and compared.
fn usable(text: &str) -> Option<String> {
    let fits = (1..=LONGEST_ID).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(DETAIL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use time::macros::date;

    const CASE: &str = "0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d";
    const ASK: &str = "0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4e";
    const TUTOR: &str = "0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4f";

    fn event(kind: &str, more: Value) -> Value {
        let mut data = json!({"requestId": ASK, "tutorId": TUTOR});
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "specversion": "1.0", "id": "e-1", "source": "urn:docverify", "type": kind, "subject": CASE,
            "time": "2026-03-02T09:00:00Z", "datacontenttype": "application/json", "data": data,
        })
    }

    fn read_json(event: &Value) -> Result<Answer, NoAnswer> {
        let body = event.to_string();
        let content_type = Some("application/cloudevents+json; charset=utf-8");
        read(Message { content_type, correlation_id: Some(CASE), body: body.as_bytes() })
    }

    #[test]
    fn each_type_is_a_finding() {
        let finding = |kind, more| read_json(&event(kind, more)).unwrap().finding;
        assert_eq!(finding(VERIFIED, json!({})), Finding::Verified(None));
        let until = json!({"validUntil": "2031-05-31", "unknown": [1]});
        assert_eq!(finding(VERIFIED, until), Finding::Verified(Some(date!(2031 - 05 - 31))));
        assert_eq!(finding(REJECTED, json!({"reason": "FORGED"})), Finding::Rejected(Reason::Forged));
        assert_eq!(finding(REJECTED, json!({"reason": "UGLY"})), Finding::Rejected(Reason::Other));
        assert_eq!(finding(FAILED, json!({"detail": "no link"})), Finding::Failed);
        let answer = read_json(&event(REJECTED, json!({"reason": "UGLY", "detail": "a\u{0}b"}))).unwrap();
        assert_eq!(answer.detail, "UGLY: ab", "what PostgreSQL cannot keep is left out");
    }

    #[test]
    fn what_is_no_answer_is_named() {
        let without = |field: &str, in_data: bool| {
            let mut event = event(VERIFIED, json!({}));
            let at = if in_data { &mut event["data"] } else { &mut event };
            at.as_object_mut().unwrap().remove(field);
            read_json(&event).unwrap_err().to_string()
        };
        assert!(without("id", false).contains("not a CloudEvent"));
        assert!(without("data", false).contains("no usable data"));
        assert!(without("requestId", true).contains("requestId"));
        assert!(without("tutorId", true).contains("tutorId"));
        let mut other = event(VERIFIED, json!({}));
        other["specversion"] = json!("0.3");
        assert_eq!(read_json(&other), Err(NoAnswer::SpecVersion));
        assert_eq!(read_json(&event("document.lost.v1", json!({}))), Err(NoAnswer::Type));
        assert_eq!(read_json(&event(VERIFIED, json!({"validUntil": "soon"}))), Err(NoAnswer::Data("validUntil")));
        let mut long = event(VERIFIED, json!({}));
        long["id"] = json!("x".repeat(300));
        assert_eq!(read_json(&long), Err(NoAnswer::Attribute("id")));
    }

    #[test]
    fn one_case_is_named_and_only_one() {
        let body = event(VERIFIED, json!({})).to_string();
        let message = Message { content_type: Some(CONTENT_TYPE), correlation_id: None, body: body.as_bytes() };
        assert_eq!(read(message).unwrap().case.to_string(), CASE, "the subject is enough");
        assert_eq!(read(Message { correlation_id: Some(ASK), ..message }), Err(NoAnswer::TwoCases));
        assert_eq!(read(Message { content_type: Some("application/json"), ..message }), Err(NoAnswer::ContentType));
        assert_eq!(read(Message { content_type: None, ..message }), Err(NoAnswer::ContentType));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), id in ".{0,40}") {
            let _ = read(Message { content_type: Some(CONTENT_TYPE), correlation_id: Some(&id), body: &body });
        }

        #[test]
        fn any_texts_are_read_or_refused(
            id in ".{0,20}",
            source in ".{0,20}",
            until in ".{0,12}",
            reason in ".{0,12}",
        ) {
            let mut event = event(VERIFIED, json!({"validUntil": until, "reason": reason}));
            event["id"] = json!(id);
            event["source"] = json!(source);
            if let Ok(answer) = read_json(&event) {
                prop_assert!(!answer.event.contains('\0') && !answer.detail.contains('\0'));
            }
        }
    }
}
