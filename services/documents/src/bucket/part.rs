//! Uploads in parts: begin one, list what it holds, join it, give it up.

use std::iter;

use instant_xml::FromXml;
use rusty_s3::{
    S3Action,
    actions::{AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, ListParts},
};

use super::{
    Bucket, Error,
    call::{base64, checksum, text},
    error::code,
};
use crate::domain::file::Sha256;

/// A part that the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub number: i32,
    pub etag: String,
    /// In bytes.
    pub size: i64,
    /// `None` where the store keeps no checksums of parts.
    pub sha256: Option<Sha256>,
}

#[derive(FromXml)]
#[xml(rename = "ListPartsResult", ns("http://s3.amazonaws.com/doc/2006-03-01/"))]
struct Listed {
    parts: Vec<ListedPart>,
    #[xml(rename = "IsTruncated")]
    truncated: bool,
    #[xml(rename = "NextPartNumberMarker")]
    next: Option<u16>,
}

#[derive(FromXml)]
#[xml(rename = "Part", ns("http://s3.amazonaws.com/doc/2006-03-01/"))]
struct ListedPart {
    #[xml(rename = "PartNumber")]
    number: u16,
    #[xml(rename = "ETag")]
    etag: String,
    #[xml(rename = "Size")]
    size: i64,
    #[xml(rename = "ChecksumSHA256")]
    sha256: Option<String>,
}

impl Bucket {
    /// Begins an upload in parts, and says under which id.
    pub async fn begin(&self, key: &str, content_type: &str) -> Result<String, Error> {
        let mut create = CreateMultipartUpload::new(&self.inside, Some(&self.credentials), key);
        let headers = [("content-type", content_type), ("x-amz-checksum-algorithm", "SHA256")];
        headers.iter().for_each(|(name, value)| create.headers_mut().insert(*name, (*value).to_owned()));
        let body = text(self.send(create, &headers, Vec::new()).await?).await?;
        let created = CreateMultipartUpload::parse_response(&body).map_err(|e| Error::Unreadable(e.to_string()))?;
        Ok(created.upload_id().to_owned())
    }

    /// The parts that the store holds, by number; `None` if it knows no such upload, because it was joined or given up.
    pub async fn parts(&self, key: &str, store_id: &str) -> Result<Option<Vec<Part>>, Error> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let mut list = ListParts::new(&self.inside, Some(&self.credentials), key, store_id);
            if let Some(after) = after {
                list.set_part_number_marker(after);
            }
            let answer = match self.send(list, &[], Vec::new()).await {
                Ok(answer) => answer,
                Err(Error::Absent) => return Ok(None),
                Err(error) => return Err(error),
            };
            let listed = read(&text(answer).await?)?;
            parts.extend(listed.parts.into_iter().map(|part| Part {
                number: i32::from(part.number),
                etag: part.etag,
                size: part.size,
                sha256: part.sha256.as_deref().and_then(checksum),
            }));
            match listed.next {
                Some(next) if listed.truncated && after < Some(next) => after = Some(next),
                _ if listed.truncated => return Err(Error::Unreadable("the list of parts goes in circles".to_owned())),
                _ => break,
            }
        }
        parts.sort_by_key(|part| part.number);
        Ok(Some(parts))
    }

    /// Joins exactly these writings of the parts to an object.
    pub async fn join(&self, key: &str, store_id: &str, parts: &[Part]) -> Result<(), Error> {
        let complete = CompleteMultipartUpload::new(
            &self.inside,
            Some(&self.credentials),
            key,
            store_id,
            iter::empty::<&'static str>(),
        );
        let answer = self.send(complete, &[("content-type", "application/xml")], list(parts).into_bytes()).await?;
        let body = text(answer).await?;
        // It may begin to answer 200 before it is done.
        if body.contains("<Error") { Err(Error::Unreadable(code(&body))) } else { Ok(()) }
    }

    /// Gives an upload in parts up; one that is not there is given up.
    pub async fn give_up(&self, key: &str, store_id: &str) -> Result<(), Error> {
        let abort = AbortMultipartUpload::new(&self.inside, Some(&self.credentials), key, store_id);
        match self.send(abort, &[], Vec::new()).await {
            Ok(_) | Err(Error::Absent) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn read(body: &str) -> Result<Listed, Error> {
    instant_xml::from_str(body).map_err(|error| Error::Unreadable(error.to_string()))
}

/// The parts as the store wants them, with their checksums where it keeps them.
fn list(parts: &[Part]) -> String {
    let mut list = String::from(r#"<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">"#);
    for part in parts {
        let etag = part.etag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        list.push_str(&format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag>", part.number));
        if let Some(sum) = part.sha256 {
            list.push_str(&format!("<ChecksumSHA256>{}</ChecksumSHA256>", base64(sum)));
        }
        list.push_str("</Part>");
    }
    list + "</CompleteMultipartUpload>"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_of_parts_is_read_with_and_without_checksums() {
        let body = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket><Key>k</Key>
            <UploadId>u</UploadId><PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker>
            <MaxParts>2</MaxParts><IsTruncated>true</IsTruncated>
            <Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>5</Size><LastModified>x</LastModified>
            <ChecksumSHA256>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</ChecksumSHA256></Part>
            <Part><PartNumber>2</PartNumber><ETag>"b"</ETag><Size>6</Size></Part></ListPartsResult>"#;
        let listed = read(body).unwrap();
        assert!(listed.truncated && listed.next == Some(2) && listed.parts.len() == 2);
        assert_eq!(listed.parts[0].etag, "\"a\"");
        assert_eq!(listed.parts[0].sha256.as_deref().and_then(checksum), Some(Sha256::new([0; 32])));
        assert_eq!(listed.parts[1].sha256, None);
    }

    proptest! {
        #[test]
        fn no_answer_takes_it_down(body in ".{0,300}|<ListPartsResult.{0,100}") {
            let _ = read(&body);
            let _ = code(&body);
            let _ = checksum(&body);
        }
    }
}
