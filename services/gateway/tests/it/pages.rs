//! The pages for people who came by a link.

use proto::{
    lyceum::{
        documents::v1::{CertificateCheck, CheckCertificateRequest},
        notifications::v1::{GetUnsubscribeLinkRequest, UnsubscribeLink, UnsubscribeRequest, notification},
    },
    wkt::Timestamp,
};
use reqwest::Method;
use rpc::Kind;
use tonic::Status;

use crate::helpers::{Answer, World, ask, problem, refusal};

const CHECK: &str = "documents.v1.CertificateService/CheckCertificate";
const LINK: &str = "notifications.v1.PreferenceService/GetUnsubscribeLink";
const UNSUBSCRIBE: &str = "notifications.v1.PreferenceService/Unsubscribe";

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn certificate(number: &str) -> CertificateCheck {
    CertificateCheck {
        number: number.into(),
        valid: true,
        holder_name: Some("Анна <b>Иванова</b>".into()),
        course_title: "Rust & сети".into(),
        // The last hours of a day in UTC are the next one in Moscow.
        completed_at: at(1_772_404_200),
        issued_at: at(1_772_500_000),
        school: "Школа «Лицей»".into(),
        language: "ru".into(),
        ..CertificateCheck::default()
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.backend.on(CHECK, |request: CheckCertificateRequest| match request.number.as_str() {
        "LYC-2026-AAAAAAAAA" => Ok(certificate(&request.number)),
        "english" => Ok(CertificateCheck { language: "en".into(), ..certificate("LYC-2026-EEEEEEEEE") }),
        "erased" => Ok(CertificateCheck { holder_name: None, ..certificate("LYC-2026-EEEEEEEEE") }),
        "revoked" => {
            Ok(CertificateCheck { valid: false, revoked_at: at(1_775_000_000), ..certificate("LYC-2026-RRRRRRRRR") })
        }
        "replaced" => Ok(CertificateCheck {
            valid: false,
            revoked_at: at(1_775_000_000),
            successor_number: Some("LYC-2026-SSSSSSSSS".into()),
            predecessor_number: Some("LYC-2025-PPPPPPPPP".into()),
            ..certificate("LYC-2026-OOOOOOOOO")
        }),
        "down" => Err(Status::unavailable("10.0.0.7")),
        "broken" => Err(refusal(Kind::Internal, "INTERNAL", &[])),
        "nonsense" => Err(refusal(Kind::Invalid, "INVALID", &[("number", "is no number")])),
        _ => Err(refusal(Kind::NotFound, "CERTIFICATE_NOT_FOUND", &[])),
    });
    let link = |token: &str, unsubscribed| match token {
        "good" | "english" => Ok(UnsubscribeLink {
            kind: notification::Kind::OrderPaid.into(),
            masked_address: "a***@example.org".into(),
            unsubscribed,
            language: if token == "good" { "ru".into() } else { "en".into() },
            school: "Лицей".into(),
        }),
        "down" => Err(Status::unavailable("restarting")),
        _ => Err(refusal(Kind::NotFound, "LINK_NOT_FOUND", &[])),
    };
    world.backend.on(LINK, move |request: GetUnsubscribeLinkRequest| link(&request.token, false));
    world.backend.on(UNSUBSCRIBE, move |request: UnsubscribeRequest| link(&request.token, true));
    world
}

/// What every page is: whole, of ours only, and not to be found by a search engine.
#[track_caller]
fn page(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("x-robots-tag"), "noindex");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!answer.text.contains("<script") && !answer.text.contains(" style=") && !answer.text.contains("https://"));
    assert!(answer.text.contains("<html lang=") && answer.text.contains("<h1>") && answer.text.ends_with("</html>"));
    answer.text.replace('\u{a0}', " ")
}

#[tokio::test]
async fn a_certificate_that_holds_says_so() {
    let world = world().await;
    let answer = ask(world.get("/certificates/LYC-2026-AAAAAAAAA")).await;
    let text = page(&answer, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=60");
    for told in
        ["<html lang=\"ru\">", "Сертификат действителен", "Анна &lt;b&gt;Иванова", "«Rust &amp; сети»", "Школа «Лицей»"]
    {
        assert!(text.contains(told), "{told} in {text}");
    }
    assert!(text.contains("2 марта 2026 года"), "the day is the school's: {text}");
    assert!(text.contains("LYC-2026-AAAAAAAAA") && !text.contains("Утратил силу") && !text.contains("взамен"));
}

#[tokio::test]
async fn a_certificate_speaks_its_own_language() {
    let world = world().await;
    let text = page(&ask(world.get("/certificates/english").header("accept-language", "ru")).await, 200);
    assert!(
        text.contains("<html lang=\"en\">")
            && text.contains("This certificate is valid")
            && text.contains("2 March 2026")
    );
    let text = page(&ask(world.get("/certificates/unknown").header("accept-language", "en")).await, 404);
    assert!(text.contains("There is no such certificate"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_says_why() {
    let world = world().await;
    let text = page(&ask(world.get("/certificates/revoked")).await, 200);
    assert!(
        text.contains("недействителен") && text.contains("Утратил силу") && !text.contains("Сертификат действителен")
    );
    let text = page(&ask(world.get("/certificates/replaced")).await, 200);
    assert!(text.contains("заменён") && !text.contains("Сертификат действителен"), "{text}");
    assert!(
        text.contains("href=\"/certificates/LYC-2026-SSSSSSSSS\"")
            && text.contains("href=\"/certificates/LYC-2025-PPPPPPPPP\"")
    );
    let text = page(&ask(world.get("/certificates/erased")).await, 200);
    assert!(text.contains("Имя удалено") && text.contains("Сертификат действителен"));
}

#[tokio::test]
async fn what_was_never_issued_is_a_page_too() {
    let world = world().await;
    for number in ["unknown", "nonsense", "%ff", "%00", "%3Cb%3E", "a%2Fb"] {
        let answer = ask(world.get(&format!("/certificates/{number}"))).await;
        let text = page(&answer, 404);
        assert!(text.contains("Такого сертификата нет") && !text.contains("<b>"), "{number}: {text}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_service_that_is_down_says_nothing_about_the_certificate() {
    let world = world().await;
    let answer = ask(world.get("/certificates/down")).await;
    let text = page(&answer, 503);
    assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("1", "no-store"));
    assert!(text.contains("ничего не говорит о сертификате") && !text.contains("10.0.0.7"));
    assert!(text.contains(answer.header("x-request-id")));
    page(&ask(world.get("/certificates/broken")).await, 500);
}

#[tokio::test]
async fn pages_have_limits_like_everything() {
    let world = World::with(&[("LYCEUM_RATE_ADDRESS", "1")]).await;
    world.backend.on(CHECK, |request: CheckCertificateRequest| Ok(certificate(&request.number)));
    page(&ask(world.get("/certificates/a")).await, 200);
    let refused = ask(world.get("/certificates/a")).await;
    page(&refused, 429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    page(&ask(world.get("/unsubscribe/good")).await, 429);
    page(&ask(world.post("/unsubscribe/good")).await, 429);
}

#[tokio::test]
async fn a_link_that_is_opened_changes_nothing() {
    let world = world().await;
    let answer = ask(world.get("/unsubscribe/good")).await;
    let text = page(&answer, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(text.contains("об оплате заказов") && text.contains("a***@example.org"), "{text}");
    assert_eq!(text.matches("<button>").count(), 1);
    assert!(text.contains("<form method=\"post\">") && text.contains("name=\"List-Unsubscribe\" value=\"One-Click\""));
    assert!(page(&ask(world.get("/unsubscribe/english")).await, 200).contains("Stop e-mails about paid orders?"));
    ask(world.request(Method::HEAD, "/unsubscribe/good")).await;
    assert!(world.backend.calls(UNSUBSCRIBE).is_empty());
}

#[tokio::test]
async fn one_click_is_enough() {
    let world = world().await;
    let form = world.post("/unsubscribe/good").form(&[("List-Unsubscribe", "One-Click")]);
    let answer = ask(form.header("origin", "https://mail.example").header("sec-fetch-site", "cross-site")).await;
    let text = page(&answer, 200);
    assert!(text.contains("Вы отписались") && !text.contains("<button>"), "{text}");
    assert_eq!(answer.header("set-cookie"), "");
    assert_eq!(world.backend.only_call(UNSUBSCRIBE).message::<UnsubscribeRequest>().token, "good");
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let request = world.post("/unsubscribe/english").header("content-type", "multipart/form-data; boundary=x");
    assert!(page(&ask(request.body(multipart)).await, 200).contains("You are unsubscribed"));
    page(&ask(world.post("/unsubscribe/good")).await, 200);
}

#[tokio::test]
async fn links_that_do_not_work_are_pages() {
    let world = world().await;
    assert!(page(&ask(world.get("/unsubscribe/old")).await, 404).contains("Ссылка не действует"));
    page(&ask(world.post("/unsubscribe/a%00")).await, 404);
    assert!(page(&ask(world.post("/unsubscribe/old")).await, 404).contains("Ссылка не действует"));
    let down = ask(world.post("/unsubscribe/down")).await;
    assert!(page(&down, 503).contains("Ничего не изменилось"));
    assert_eq!(down.header("retry-after"), "1");
    assert_eq!(world.backend.calls(UNSUBSCRIBE).len(), 2, "what changes something is not asked again");
    let large = world.post("/unsubscribe/good").body("x".repeat(20_000));
    page(&ask(large).await, 413);
    problem(ask(world.request(Method::PUT, "/unsubscribe/good")).await, 405, "METHOD_NOT_ALLOWED");
}
