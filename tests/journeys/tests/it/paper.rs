//! Files come in by links, papers are verified by the Document System or by two people, and only then may a tutor teach.

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{PASSWORD, Paper, REFUSED_BY_STATE, School, Seen, sha256};
use proto::lyceum::documents::v1::PaperKind;
use proto::lyceum::documents::v1::file::Kind;
use proto::lyceum::notifications::v1::notification;
use proto::lyceum::users::v1::user::Role;
use serde_json::json;

/// A picture of one pixel, as a scanner would not make it.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xfc, 0xcf, 0xc0,
    0x50, 0x0f, 0, 4, 0x85, 1, 0x80, 0x84, 0xa9, 0x8c, 0x21, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60,
    0x82,
];

/// Bytes that claim to be a picture.
fn picture<'a>(name: &'a str, bytes: &'a [u8]) -> Paper<'a> {
    Paper { kind: Kind::Paper, name, content_type: "image/png", bytes }
}

#[tokio::test]
async fn a_file_goes_straight_to_the_store_and_comes_back_by_a_link_of_its_owner_only() -> Result<()> {
    let school = School::of_tests()?;
    let owner = school.learner().await?;
    let stranger = school.learner().await?;
    let upload = owner.write(&picture("паспорт.png", PNG), false).await?;
    let file = owner.complete_upload(&upload).await?.file_id;
    assert_eq!(owner.read_file(&file).await?, PNG);
    stranger.get(&format!("/v1/files/{file}")).await.refused(404, "FILE_NOT_FOUND");
    stranger.post(&format!("/v1/files/{file}/download-link"), json!({})).await.refused(404, "FILE_NOT_FOUND");

    // The bytes are not what their name says.
    let script = b"<script>alert(1)</script>, padded to look like something";
    let lie = owner.write(&picture("diploma.png", script), false).await?.upload_id;
    owner.post(&format!("/v1/uploads/{lie}/complete"), json!({})).await.refused(REFUSED_BY_STATE, "CONTENT_MISMATCH");
    let huge = json!({"kind": "KIND_PAPER", "name": "a.png", "contentType": "image/png", "sizeBytes": "9000000000", "sha256": sha256(PNG)});
    let refused = owner.post("/v1/uploads", huge).await;
    assert!((400..500).contains(&refused.status), "{} {}", refused.status, refused.body);
    Ok(())
}

#[tokio::test]
async fn the_document_system_verifies_both_papers_and_the_tutor_may_teach() -> Result<()> {
    let school = School::of_tests()?;
    let tutor = school.with_role(Role::Tutor).await?;
    assert_eq!(tutor.get("/v1/me/tutor-status").await.ok()["verified"], json!(false));
    for kind in [PaperKind::Identity, PaperKind::Education] {
        tutor.hand_in(kind, &picture("паспорт.png", PNG), "2031-05-31").await?;
    }
    let status = tutor.get("/v1/me/tutor-status").await.ok();
    assert_eq!((&status["verified"], &status["validUntil"]), (&json!(true), &json!("2031-05-31")), "{status}");
    tutor.notice(notification::Kind::TutorVerified).await?;
    let permitted = school.eventually("a token that permits to teach", async || {
        let me = school.sign_in(&tutor.email, PASSWORD).await?.get("/v1/me").await.ok();
        let found = me["permissions"].as_array().is_some_and(|all| all.contains(&json!("lessons.teach")));
        Ok(Seen::found(found.then_some(()), &me.to_string()))
    });
    permitted.await
}
