//! What managers ask of everything that happened.

use anyhow::Result;
use journeys::{Expect, Wire, eventually};
use people::{Course, School};
use proto::lyceum::courses::v1::enrolment;
use serde_json::{Value, json};

fn number(row: &Value, pointer: &str) -> i64 {
    let found = row.pointer(pointer).and_then(Value::as_str);
    found.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number at {pointer}: {row}"))
}

#[tokio::test]
async fn an_order_and_what_followed_from_it_stand_in_the_reports() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let course = Course::publish(&manager, "Отчётный курс").await?;
    let before = number(&manager.get("/v1/reports/dashboard").await.ok(), "/today/ordersPaid");
    let learner = school.learner().await?;
    learner.buy(&course.product_id, "").await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Active).await?;
    learner.learn(&course.run_id, &course.key).await?;

    let dashboard = eventually("the order in the dashboard", async || {
        let dashboard = manager.get("/v1/reports/dashboard").await.ok();
        (number(&dashboard, "/today/ordersPaid") > before).then_some(dashboard)
    })
    .await;
    assert!(number(&dashboard, "/today/netRevenue/minor") >= 149_000, "{dashboard}");
    assert!(dashboard.pointer("/about/definition").is_some_and(|text| text != ""), "{dashboard}");
    assert!(dashboard.pointer("/about/asOf").is_some_and(Value::is_string), "{dashboard}");

    let path = format!("/v1/reports/completion-funnel?runId={}", course.run_id);
    eventually("the whole way of the learner in the funnel", async || {
        let funnel = manager.get(&path).await.ok();
        let steps = funnel["steps"].as_array().cloned().unwrap_or_default();
        (steps.len() == 6 && steps.iter().all(|step| number(step, "/count") == 1)).then_some(())
    })
    .await;
    let path = format!("/v1/reports/lesson-drop-off?runId={}", course.run_id);
    let drop_off = manager.get(&path).await.ok();
    let rows = drop_off["rows"].as_array().cloned().unwrap_or_default();
    let titles: Vec<&str> = rows.iter().filter_map(|row| row["title"].as_str()).collect();
    assert_eq!(titles, ["О ткани", "Крой", "Лекало", "Проверка"], "{drop_off}");
    assert!(rows.iter().all(|row| number(row, "/completed") == 1), "{drop_off}");
    Ok(())
}

#[tokio::test]
async fn a_report_comes_as_a_file_and_wrong_questions_are_refused_whole() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let path = "/v1/reports/export?report=REPORT_ORDERS&from=2026-01-01&to=2030-12-31";
    let answer = manager.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let header =
        |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert!(header("content-type").starts_with("text/csv"), "{}", header("content-type"));
    assert!(header("content-disposition").starts_with("attachment"), "{}", header("content-disposition"));
    assert!(answer.body.as_str().is_some_and(|text| text.contains("order_id")), "{}", answer.body);

    let wrong = manager.get("/v1/reports/revenue?from=yesterday&to=2026-13-01&currency=roubles").await;
    let problem = wrong.refused(400, "INVALID");
    let fields: Vec<&str> =
        problem["violations"].as_array().into_iter().flatten().filter_map(|one| one["field"].as_str()).collect();
    assert_eq!(fields, ["from", "to", "currency"], "{problem}");
    school.learner().await?.get("/v1/reports/dashboard").await.refused(403, "PERMISSION_DENIED");
    Ok(())
}

#[tokio::test]
async fn the_catalogue_is_not_sent_twice_to_whoever_has_it() -> Result<()> {
    let school = School::of_tests()?;
    let visitor = school.visitor();
    let first = visitor.get("/v1/courses?language=en").await;
    let tag =
        first.headers.get("etag").and_then(|tag| tag.to_str().ok()).expect("a cacheable answer has a tag").to_owned();
    let again = visitor.send(reqwest::Method::GET, "/v1/courses?language=en", None, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, &again.body), (304, &json!(null)));
    let other = [("if-none-match", "\"something-else\"")];
    assert_eq!(visitor.send(reqwest::Method::GET, "/v1/courses?language=en", None, &other).await.status, 200);
    Ok(())
}
