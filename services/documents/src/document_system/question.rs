//! What the Document System is asked: about one paper, with links to its files. Never the files themselves, nor a name.

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{SPEC_VERSION, SUBMITTED};
use crate::{
    bucket::Link,
    domain::{case::Case, id::AskId, paper},
};

/// Who asks, as CloudEvents name it.
const SOURCE: &str = "urn:lyceum:documents";

/// A question, the same under the same id however often it is asked; only the links are fresh.
#[derive(Debug, Clone)]
pub struct Question {
    pub ask: AskId,
    pub case: Case,
    /// Until when an answer is waited for.
    pub deadline: OffsetDateTime,
    pub files: Vec<LinkedFile>,
    /// The trace in which the paper was handed in.
    pub traceparent: String,
    pub asked_at: OffsetDateTime,
}

/// One file, to be fetched and compared.
#[derive(Debug, Clone)]
pub struct LinkedFile {
    /// Works without more credentials until it expires.
    pub link: Link,
    /// Lower-case hexadecimal; empty where the store never knew it.
    pub sha256: String,
    pub size: i64,
    pub content_type: String,
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    r#type: &'static str,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    traceparent: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    request_id: String,
    case_id: String,
    tutor_id: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    deadline: String,
    files: Vec<FileData<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileData<'a> {
    url: &'a str,
    url_expires_at: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    sha256: &'a str,
    size_bytes: i64,
    content_type: &'a str,
}

impl Question {
    /// The event as it goes over the wire.
    ///
    /// # Errors
    ///
    /// An instant that cannot be written, which none of ours is.
    pub fn body(&self) -> anyhow::Result<Vec<u8>> {
        let files = self.files.iter().map(|file| {
            Ok(FileData {
                url: file.link.url.as_str(),
                url_expires_at: file.link.expires_at.format(&Rfc3339)?,
                sha256: &file.sha256,
                size_bytes: file.size,
                content_type: &file.content_type,
            })
        });
        let event = Event {
            specversion: SPEC_VERSION,
            id: self.ask.to_string(),
            source: SOURCE,
            r#type: SUBMITTED,
            subject: self.case.id.to_string(),
            time: self.asked_at.format(&Rfc3339)?,
            datacontenttype: "application/json",
            traceparent: &self.traceparent,
            data: Data {
                request_id: self.ask.to_string(),
                case_id: self.case.id.to_string(),
                tutor_id: self.case.tutor.to_string(),
                kind: self.case.kind.as_str(),
                valid_until: self.case.claimed.map(paper::day),
                deadline: self.deadline.format(&Rfc3339)?,
                files: files.collect::<anyhow::Result<_>>()?,
            },
        };
        Ok(serde_json::to_vec(&event)?)
    }
}
