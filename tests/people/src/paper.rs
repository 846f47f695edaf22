//! Files by links: announced to the school, written straight to the store; and the papers that a tutor hands in.

use anyhow::{Context, Result, ensure};
use proto::lyceum::documents::v1::file::Kind;
use proto::lyceum::documents::v1::verification_case::State;
use proto::lyceum::documents::v1::{
    CompleteUploadRequest, CreateDownloadLinkRequest, CreatePartLinksRequest, CreatePartLinksResponse,
    CreateUploadRequest, DownloadLink, File, GetMyVerificationCaseRequest, PaperKind, PartToWrite, SubmitPaperRequest,
    Upload, UploadLink, VerificationCase,
};
use reqwest::Method;
use ring::digest::{SHA256, digest};

use crate::{Outcome, Person, Seen};

/// A file on its way in.
#[derive(Debug, Clone)]
pub struct Paper<'a> {
    /// What it is for.
    pub kind: Kind,
    /// What its owner calls it.
    pub name: &'a str,
    /// What it claims to be.
    pub content_type: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// The checksum of bytes, as the API writes it.
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Person {
    /// Announces a file and writes it where the links say; a large one in parts. It counts when it is completed.
    pub async fn write(&self, paper: &Paper<'_>, in_parts: bool) -> Result<Upload> {
        let announced = CreateUploadRequest {
            kind: paper.kind.into(),
            name: paper.name.to_owned(),
            content_type: paper.content_type.to_owned(),
            size_bytes: i64::try_from(paper.bytes.len())?,
            sha256: if in_parts { String::new() } else { sha256(paper.bytes) },
        };
        let upload: Upload = self.call(&announced).await?;
        if !in_parts {
            self.put(upload.link.as_ref(), paper.bytes).await?;
            return Ok(upload);
        }
        for (number, piece) in (1..).zip(paper.bytes.chunks(usize::try_from(upload.part_size_bytes)?)) {
            let parts = vec![PartToWrite { number, sha256: sha256(piece) }];
            let request = CreatePartLinksRequest { upload_id: upload.upload_id.clone(), parts };
            let links: CreatePartLinksResponse = self.call(&request).await?;
            self.put(links.parts.first().and_then(|part| part.link.as_ref()), piece).await?;
        }
        Ok(upload)
    }

    /// Writes bytes where a link says, with the headers that it signs.
    async fn put(&self, link: Option<&UploadLink>, bytes: &[u8]) -> Result<()> {
        let link = link.context("an upload has a link")?;
        let mut request = self.school.http.request(Method::PUT, &link.url).body(bytes.to_vec());
        for (name, value) in link.headers.iter().filter(|(name, _)| *name != "content-length") {
            request = request.header(name, value);
        }
        let answer = request.send().await.context("the store does not answer")?;
        let status = answer.status();
        ensure!(status.is_success(), "the store answers {status}: {}", answer.text().await.unwrap_or_default());
        Ok(())
    }

    /// Says that everything is written.
    pub async fn complete_upload(&self, upload: &Upload) -> Result<File> {
        self.call(&CompleteUploadRequest { upload_id: upload.upload_id.clone() }).await
    }

    /// Reads a file of one's own.
    pub async fn read_file(&self, file_id: &str) -> Result<Vec<u8>> {
        let link: DownloadLink = self.call(&CreateDownloadLinkRequest { file_id: file_id.to_owned() }).await?;
        Ok(self.school.http.get(link.url).send().await?.error_for_status()?.bytes().await?.to_vec())
    }

    /// As a tutor: hands a paper in and waits until it is verified.
    pub async fn hand_in(&self, kind: PaperKind, paper: &Paper<'_>, valid_until: &str) -> Result<VerificationCase> {
        self.step("hand a paper in", async |me| {
            let upload = me.write(paper, false).await?;
            let file_ids = vec![me.complete_upload(&upload).await?.file_id];
            let request = SubmitPaperRequest { kind: kind.into(), file_ids, valid_until: Some(valid_until.to_owned()) };
            let case: VerificationCase = me.call(&request).await?;
            let case = me.case_in(&case.case_id, State::Verified).await?;
            Ok(Outcome::new(case.clone()).note(format!("{kind:?} is verified")).with_id("caseId", &case.case_id))
        })
        .await
    }

    /// Waits until a case of one's own is in this state.
    pub async fn case_in(&self, case_id: &str, state: State) -> Result<VerificationCase> {
        self.school
            .eventually(&format!("a case in {}", state.as_str_name()), async || {
                let request = GetMyVerificationCaseRequest { case_id: case_id.to_owned() };
                let case: VerificationCase = self.call(&request).await?;
                let missing = format!("it is in {}", case.state().as_str_name());
                Ok(Seen::found(Some(case).filter(|case| case.state() == state), &missing))
            })
            .await
    }
}
