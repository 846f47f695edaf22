//! Files come in by links, papers are verified by the Document System or by two people, and only then may a tutor teach.

use std::fmt::Write;

use journeys::{Person, School, eventually};
use serde_json::{Value, json};

/// A picture of one pixel, as a scanner would not make it.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xfc, 0xcf, 0xc0,
    0x50, 0x0f, 0, 4, 0x85, 1, 0x80, 0x84, 0xa9, 0x8c, 0x21, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60,
    0x82,
];

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Announces a file and writes it where the link says.
async fn write(person: &Person, announced: Value, bytes: &[u8]) -> String {
    let upload = person.post("/v1/uploads", announced).await.ok();
    let link = &upload["link"];
    let mut request = person.school.http().put(link["url"].as_str().expect("a link")).body(bytes.to_vec());
    for (name, value) in link["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let answer = request.send().await.expect("the object store answers");
    let (status, said) = (answer.status(), answer.text().await.unwrap_or_default());
    assert!(status.is_success(), "{status} {said}");
    upload["uploadId"].as_str().expect("an id").to_owned()
}

fn announced(kind: &str, name: &str, content_type: &str, bytes: &[u8]) -> Value {
    json!({"kind": kind, "name": name, "contentType": content_type, "sizeBytes": bytes.len().to_string(), "sha256": sha256(bytes)})
}

async fn paper(person: &Person) -> String {
    let upload = write(person, announced("KIND_PAPER", "паспорт.png", "image/png", PNG), PNG).await;
    let file = person.post(&format!("/v1/uploads/{upload}/complete"), json!({})).await.ok();
    file["fileId"].as_str().expect("a file").to_owned()
}

/// Somebody with the role of a tutor.
async fn tutor(school: &School) -> Person {
    let person = school.learner().await;
    let admin = school.staff("admin").await;
    let roles = json!({"roles": ["ROLE_TUTOR"]});
    admin.put(&format!("/v1/users/{}/roles", person.user_id), roles).await.ok();
    school.sign_in(&person.email, journeys::PASSWORD).await
}

async fn case_in(person: &Person, case: &str, state: &str) -> Value {
    eventually(&format!("a case in {state}"), async || {
        let found = person.get(&format!("/v1/me/verification-cases/{case}")).await.ok();
        (found["state"] == json!(state)).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_file_goes_straight_to_the_store_and_comes_back_by_a_link_of_its_owner_only() {
    let school = School::new();
    let owner = school.learner().await;
    let stranger = school.learner().await;
    let file = paper(&owner).await;
    let link = owner.post(&format!("/v1/files/{file}/download-link"), json!({})).await.ok();
    let answer = school.http().get(link["url"].as_str().expect("a link")).send().await.expect("the store answers");
    assert_eq!(answer.bytes().await.expect("a body"), PNG);
    stranger.get(&format!("/v1/files/{file}")).await.refused(404, "FILE_NOT_FOUND");
    stranger.post(&format!("/v1/files/{file}/download-link"), json!({})).await.refused(404, "FILE_NOT_FOUND");

    // The bytes are not what their name says.
    let script = b"<script>alert(1)</script>, padded to look like something";
    let lie = write(&owner, announced("KIND_PAPER", "diploma.png", "image/png", script), script).await;
    owner.post(&format!("/v1/uploads/{lie}/complete"), json!({})).await.refused(409, "CONTENT_MISMATCH");
    let huge = json!({"kind": "KIND_PAPER", "name": "a.png", "contentType": "image/png", "sizeBytes": "9000000000", "sha256": sha256(PNG)});
    let refused = owner.post("/v1/uploads", huge).await;
    assert!((400..500).contains(&refused.status), "{} {}", refused.status, refused.body);
}

#[tokio::test]
async fn the_document_system_verifies_both_papers_and_the_tutor_may_teach() {
    let school = School::new();
    let tutor = tutor(&school).await;
    assert_eq!(tutor.get("/v1/me/tutor-status").await.ok()["verified"], json!(false));
    for kind in ["PAPER_KIND_IDENTITY", "PAPER_KIND_EDUCATION"] {
        let file = paper(&tutor).await;
        let paper = json!({"kind": kind, "fileIds": [file], "validUntil": "2031-05-31"});
        let case = tutor.post("/v1/me/verification-cases", paper).await.ok();
        case_in(&tutor, case["caseId"].as_str().expect("a case"), "STATE_VERIFIED").await;
    }
    let status = tutor.get("/v1/me/tutor-status").await.ok();
    assert_eq!((&status["verified"], &status["validUntil"]), (&json!(true), &json!("2031-05-31")), "{status}");
    tutor.notice("KIND_TUTOR_VERIFIED").await;
    eventually("a token that permits to teach", async || {
        let again = school.sign_in(&tutor.email, journeys::PASSWORD).await;
        let me = again.get("/v1/me").await.ok();
        me["permissions"].as_array().is_some_and(|all| all.contains(&json!("lessons.teach"))).then_some(())
    })
    .await;
}
