//! What remains of a finished course: a certificate that anybody can check.

use anyhow::Result;
use journeys::{Expect, Wire, eventually};
use people::{Course, Person, REFUSED_BY_STATE, School};
use proto::lyceum::courses::v1::enrolment;
use proto::lyceum::notifications::v1::notification::Kind;
use serde_json::{Value, json};

/// A learner who has just finished a course, and the certificate.
async fn graduate(school: &School, title: &str) -> Result<(Person, Value)> {
    let manager = school.staff("manager").await?;
    let course = Course::publish(&manager, title).await?;
    let learner = school.learner().await?;
    learner.buy(&course.product_id, "").await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Active).await?;
    learner.learn(&course.run_id, &course.key).await?;
    let certificate = printed(&learner).await;
    Ok((learner, certificate))
}

/// The person's newest certificate, once its PDF is there.
async fn printed(person: &Person) -> Value {
    eventually("a printed certificate", async || {
        let mine = person.get("/v1/me/certificates").await.ok();
        let newest = mine.pointer("/certificates/0").cloned();
        newest.filter(|certificate| certificate["state"] == json!("STATE_PRINTED"))
    })
    .await
}

fn field<'a>(certificate: &'a Value, name: &str) -> &'a str {
    certificate[name].as_str().unwrap_or_else(|| panic!("no {name} in {certificate}"))
}

#[tokio::test]
async fn a_finished_course_gives_one_certificate_that_anybody_can_check() -> Result<()> {
    let school = School::of_tests()?;
    let (learner, certificate) = graduate(&school, "Шов, который держит").await?;
    assert_eq!(field(&certificate, "holderName"), "Анна Каренина");
    assert_eq!(field(&certificate, "courseTitle"), "Шов, который держит");

    let link = format!("/v1/certificates/{}/download-link", field(&certificate, "certificateId"));
    let link = learner.post(&link, json!({})).await.ok();
    let pdf = school.http().get(field(&link, "url")).send().await.expect("the object store answers");
    assert!(pdf.status().is_success(), "{}", pdf.status());
    assert!(pdf.bytes().await.expect("a body").starts_with(b"%PDF-"));

    // Whoever types the number from paper makes the usual mistakes.
    let typed = field(&certificate, "number").to_lowercase().replace('-', "");
    let check = school.visitor().get(&format!("/v1/certificate-checks/{typed}")).await.ok();
    assert_eq!((&check["valid"], &check["holderName"]), (&json!(true), &json!("Анна Каренина")), "{check}");
    let page = school.http().get(field(&certificate, "checkUrl")).send().await.expect("the gateway answers");
    assert_eq!(page.status(), 200);
    let page = page.text().await.expect("a page");
    assert!(page.contains("Анна Каренина") && page.contains(field(&certificate, "number")), "{page}");

    learner.notice(Kind::CertificateIssued).await?;
    assert_eq!(learner.notices(Kind::CertificateIssued).await?.len(), 1);
    school
        .outside
        .mail(&learner.email, "the mail of the certificate", |mail| mail.text.contains("/certificates/"))
        .await?;
    let all = learner.get("/v1/me/certificates").await.ok();
    assert_eq!(all["certificates"].as_array().map(Vec::len), Some(1), "{all}");
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_was_issued_anew_names_its_successor_and_a_revoked_one_is_void() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let (learner, first) = graduate(&school, "Имя с опечаткой").await?;
    let path = format!("/v1/certificates/{}", field(&first, "certificateId"));
    let stranger = school.learner().await?;
    stranger.get(&path).await.refused(404, "CERTIFICATE_NOT_FOUND");

    let second = manager.post(&format!("{path}/reissue"), json!({"holderName": "Анна Аркадьевна Каренина"})).await.ok();
    assert_eq!(second["predecessorId"], first["certificateId"]);
    manager.post(&format!("{path}/reissue"), json!({})).await.refused(REFUSED_BY_STATE, "CERTIFICATE_REPLACED");
    let check = school.visitor().get(&format!("/v1/certificate-checks/{}", field(&first, "number"))).await;
    // What caches keep for a minute may still call it valid; the record itself does not.
    assert_eq!(check.status, 200);
    let old = manager.get(&path).await.ok();
    assert_eq!((&old["state"], &old["successorId"]), (&json!("STATE_REPLACED"), &second["certificateId"]));

    let second = printed(&learner).await;
    assert_eq!(field(&second, "holderName"), "Анна Аркадьевна Каренина");
    let path = format!("/v1/certificates/{}", field(&second, "certificateId"));
    manager.post(&format!("{path}/revoke"), json!({"reason": "ISSUED_BY_MISTAKE"})).await.ok();
    let again = manager.post(&format!("{path}/revoke"), json!({"reason": "ISSUED_BY_MISTAKE"})).await.ok();
    assert_eq!(again["state"], json!("STATE_REVOKED"));
    let check = school.visitor().get(&format!("/v1/certificate-checks/{}", field(&second, "number"))).await.ok();
    assert_eq!(check["valid"], json!(false), "{check}");
    learner.notice(Kind::CertificateRevoked).await?;
    school.visitor().get("/v1/certificate-checks/LYC-2026-000000000").await.refused(404, "CERTIFICATE_NUMBER_MISTYPED");
    Ok(())
}
