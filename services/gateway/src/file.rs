//! Streams of pieces as files: the first piece says what it is, all of them hold its bytes.
//!
//! Nothing is collected here. A client that reads slowly slows the service down, by the flow control of both
//! connections.

use std::io;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::{StreamExt, stream};
use http::{HeaderValue, header};
use proto::lyceum::values::v1::FileChunk;
use rpc::RequestId;
use tonic::{Status, Streaming};

use crate::{
    answer::{Reply, request_id},
    call::Admitted,
    problem::Problem,
};

/// Characters that a file's name may have.
const LONGEST_NAME: usize = 200;

impl Admitted {
    /// The pieces as one body. What is refused before the first piece is a problem; what breaks later breaks the
    /// connection, because a file that ends early must not look whole.
    pub async fn file(&self, reply: Reply<Streaming<FileChunk>>) -> Result<Response, Problem> {
        let mut pieces = self.settled(reply)?;
        let first = pieces.message().await.and_then(|first| {
            first.map(tonic::Response::new).ok_or_else(|| Status::internal("the file has not even a first piece"))
        });
        let first = self.settled(first)?;
        let (kind, name) = (content_type(&first.content_type), disposition(&first.file_name));

        let (method, request_id) = (self.method.path, request_id());
        let rest = pieces.map(move |piece| match piece {
            Ok(piece) => Ok(Bytes::from(piece.data)),
            Err(status) => Err(broken(&status, method, &request_id)),
        });
        let body = stream::iter([Ok(Bytes::from(first.data))]).chain(rest);
        let mut response = Response::new(Body::from_stream(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CONTENT_DISPOSITION, name);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(self.dressed(response))
    }
}

/// The error that makes the server cut the connection. The client gets no text with it, so it is logged.
fn broken(status: &Status, method: &str, request_id: &RequestId) -> io::Error {
    let problem = Problem::from(status.clone());
    tracing::warn!(
        rpc = method,
        request_id = request_id.as_str(),
        error = status.message(),
        "a file broke off in the middle: {}",
        problem.code()
    );
    io::Error::other("the file broke off")
}

/// What the file holds, or that nobody knows. It is never shown as a page of ours, whatever it says.
fn content_type(told: &str) -> HeaderValue {
    let told = HeaderValue::try_from(told).ok().filter(|told| !told.is_empty());
    told.unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// `Content-Disposition` with the name in both spellings of RFC 6266: as far as ASCII goes, and whole.
fn disposition(name: &str) -> HeaderValue {
    let name: String =
        name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).take(LONGEST_NAME).collect();
    if name.is_empty() {
        return HeaderValue::from_static("attachment");
    }
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let whole: String = name.bytes().map(escaped).collect();
    let header = HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"));
    header.unwrap_or(HeaderValue::from_static("attachment"))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A byte as RFC 8187 writes it.
fn escaped(byte: u8) -> String {
    if is_plain(char::from(byte)) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_name_is_one_header_that_says_attachment(name in any::<String>()) {
            let written = disposition(&name);
            let written = written.to_str().unwrap();
            prop_assert!(written == "attachment" || written.starts_with("attachment; filename=\""), "{}", written);
            prop_assert!(written.matches('"').count() <= 2 && written.matches(';').count() <= 2, "{}", written);
        }

        #[test]
        fn any_type_is_a_header(told in any::<String>()) {
            prop_assert!(!content_type(&told).is_empty());
        }
    }

    #[test]
    fn names_are_written_in_both_spellings() {
        assert_eq!(
            disposition("revenue-2026.csv"),
            "attachment; filename=\"revenue-2026.csv\"; filename*=UTF-8''revenue-2026.csv"
        );
        assert_eq!(
            disposition("Выручка 1.csv"),
            "attachment; filename=\"________1.csv\"; filename*=UTF-8''%D0%92%D1%8B%D1%80%D1%83%D1%87%D0%BA%D0%B0%201.csv"
        );
        assert_eq!(disposition("../a\"b;c\r\nd"), "attachment; filename=\"..a_b_cd\"; filename*=UTF-8''..a%22b%3Bcd");
        assert_eq!(disposition(""), "attachment");
        assert_eq!(disposition("\u{7}/"), "attachment");
    }

    #[test]
    fn a_type_that_fits_no_header_is_none() {
        assert_eq!(content_type("text/csv; charset=utf-8"), "text/csv; charset=utf-8");
        assert_eq!(content_type(""), "application/octet-stream");
        assert_eq!(content_type("text/csv\r\nset-cookie: a=b"), "application/octet-stream");
    }
}
