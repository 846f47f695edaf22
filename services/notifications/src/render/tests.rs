use time::{Duration, macros::datetime};
use values::{Currency, Money, TimeZone};

use super::*;
use crate::domain::{
    id::{CaseId, CertificateId, OrderId, RunId, UserId},
    notice::{Code, Item, Paper},
};

const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

fn renderer() -> Renderer {
    Renderer::new("Lyceum".to_owned(), "https://school.example".parse().unwrap()).unwrap()
}

fn person(name: &str, language: Language) -> Person {
    Person {
        id: UserId::new(NOW),
        name: name.to_owned(),
        email: "anna@example.org".to_owned(),
        email_confirmed: true,
        language,
        time_zone: TimeZone::parse("Europe/Moscow").unwrap(),
    }
}

/// One notice of each kind, and of each reason.
fn notices() -> Vec<Notice> {
    let (order, run, title) = (OrderId::new(NOW), RunId::new(NOW), "Rust <&> Co".to_owned());
    let (code, expires_at) = (Code::new("481516".to_owned()), NOW + Duration::minutes(15));
    let (number, money) = ("2026-000042".to_owned(), Money::new(149_000, Currency::RUB));
    let mut notices = vec![
        Notice::ConfirmEmail { code: code.clone(), expires_at },
        Notice::ResetPassword { code, expires_at },
        Notice::OrderPaid { order, number: number.clone(), total: money },
        Notice::OrderRefunded { order, number: number.clone(), amount: money },
        Notice::EnrolmentStarted { run, title: title.clone() },
        Notice::CourseCompleted { run, title, completed_at: NOW },
        Notice::PasswordChanged,
    ];
    let (certificate, case) = (CertificateId::new(NOW), CaseId::new(NOW));
    for again in [false, true] {
        let (number, title) = ("LY-7K3M".to_owned(), "Rust <&> Co".to_owned());
        notices.push(Notice::CertificateIssued { certificate, number, title, again });
    }
    notices.push(Notice::CertificateRevoked { certificate, number: "LY-7K3M".to_owned(), replaced: false });
    let valid_until = time::macros::date!(2031 - 05 - 31);
    for paper in [Paper::Identity, Paper::Education, Paper::NoCriminalRecord, Paper::TaxStatus, Paper::Other] {
        notices.push(Notice::DocumentVerified { case, paper, valid_until: None });
        notices.push(Notice::DocumentVerified { case, paper, valid_until: Some(valid_until) });
        notices.push(Notice::DocumentRejected { case, paper });
        notices.push(Notice::DocumentExpiring { case, paper, valid_until, days_left: 30 });
        notices.push(Notice::DocumentExpired { case, paper });
    }
    for valid_until in [None, Some(valid_until)] {
        notices.push(Notice::TutorVerified { valid_until });
    }
    for expired in [true, false] {
        notices.push(Notice::TutorVerificationEnded { expired });
    }
    notices.push(digest(2));
    for reason in ["INSUFFICIENT_FUNDS", "CANCELLED", "SOMETHING_NEW"] {
        notices.push(Notice::PaymentFailed { order, number: number.clone(), reason: reason.to_owned() });
    }
    for reason in [EndReason::SignedOut, EndReason::TokenReused, EndReason::Blocked] {
        notices.push(Notice::SessionsRevoked { reason });
    }
    notices
}

fn digest(items: usize) -> Notice {
    let item = |number| Item {
        title: format!("№ {number} <&>"),
        text: "42".to_owned(),
        resource: if number == 0 { String::new() } else { format!("orders/{number}") },
    };
    Notice::Digest { items: (0..items).map(item).collect() }
}

#[test]
fn a_digest_lists_what_there_is_with_links() {
    let mail = renderer().mail(&digest(2), &person("Anna", Language::English), Some("s3cret"), NOW).unwrap();
    assert_eq!(mail.subject, "News for you: 2 items");
    assert_eq!(
        mail.text,
        "Hello, Anna!\n\n\
         This is what has happened since the last time.\n\n\
         * № 0 <&>\n  42\n  https://school.example/\n\n\
         * № 1 <&>\n  42\n  https://school.example/orders/1\n\n\n\
         -- \nLyceum\nhttps://school.example/\n\n\
         No more mails like this one: https://school.example/unsubscribe/s3cret"
    );
    assert!(
        mail.html.contains("№ 1 &lt;&amp;&gt;")
            && mail.html.contains("href=\"https:&#x2f;&#x2f;school.example&#x2f;orders")
    );
    let mail = renderer().mail(&digest(21), &person("Анна", Language::Russian), None, NOW).unwrap();
    assert_eq!(mail.subject, "Новое для вас: 21 событие");
}

#[test]
fn a_certificate_leads_to_its_check_page_and_says_whether_it_replaces_another() {
    let issued = |again| {
        let (certificate, number, title) = (CertificateId::new(NOW), "LY-7K3M".to_owned(), "Rust".to_owned());
        Notice::CertificateIssued { certificate, number, title, again }
    };
    let text = |again| renderer().mail(&issued(again), &person("Anna", Language::English), None, NOW).unwrap().text;
    assert!(text(false).contains("https://school.example/certificates/LY-7K3M") && !text(false).contains("former"));
    assert!(text(true).contains("The former one is not valid any more."));
}

#[test]
fn every_notice_has_words_in_both_languages() {
    let renderer = renderer();
    let kinds: Vec<Kind> = notices().iter().map(Notice::kind).collect();
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(kind)));
    for language in [Language::English, Language::Russian] {
        for notice in notices() {
            let mail = renderer.mail(&notice, &person("Anna", language), Some("secret"), NOW).unwrap();
            for (part, content) in [("subject", &mail.subject), ("text", &mail.text), ("html", &mail.html)] {
                assert!(!content.trim().is_empty(), "{part} of {notice:?}");
                assert!(!content.contains("{{") && !content.contains("==="), "{part} of {notice:?}: {content}");
                let cyrillic = content.chars().any(|letter| ('а'..='я').contains(&letter));
                assert_eq!(cyrillic, language == Language::Russian, "{part} of {notice:?} in {language}");
            }
            assert!(!mail.subject.contains('\n'));
            let entry = renderer.entry(&notice, &person("Anna", language), NOW);
            assert_eq!(entry.is_ok(), notice.kind().in_feed(), "{notice:?}");
        }
    }
}

#[test]
fn the_russian_mail_with_a_code_reads_well() {
    let mail = renderer().mail(&notices()[0], &person("Анна", Language::Russian), None, NOW).unwrap();
    assert_eq!(mail.subject, "Подтвердите адрес электронной почты");
    assert_eq!(
        mail.text,
        "Здравствуйте, Анна!\n\n\
         Ваш код — 481516.\n\n\
         Введите его, чтобы подтвердить, что это ваш адрес. Код действует 15 минут.\n\n\
         Если вы не регистрировались, ничего делать не нужно: без кода вашим адресом никто не воспользуется.\n\n\
         -- \nLyceum\nhttps://school.example/"
    );
}

#[test]
fn a_subject_never_holds_a_code() {
    for notice in notices().iter().filter(|notice| notice.expires_at().is_some()) {
        let mail = renderer().mail(notice, &person("Anna", Language::English), None, NOW).unwrap();
        assert!(mail.text.contains("481516") && mail.html.contains("481516"));
        assert!(!mail.subject.contains("481516") && !format!("{mail:?}").contains("481516"));
    }
}

#[test]
fn what_people_wrote_is_escaped_in_html_and_left_alone_in_text() {
    let enrolled = &notices()[4];
    let mail = renderer().mail(enrolled, &person("<script>alert(1)</script>", Language::English), None, NOW).unwrap();
    assert!(mail.html.contains("Rust &lt;&amp;&gt; Co") && !mail.html.contains("<script>"));
    assert!(mail.text.contains("Rust <&> Co") && mail.text.contains("<script>"));
}
