//! What the pages say in each language, where a template alone cannot.

use http::StatusCode;
use jiff::{Timestamp, Zoned};
use proto::lyceum::notifications::v1::notification::Kind;
use values::{Language, TimeZone};

const MONTHS_RU: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day and its month stay on one line.
const UNBROKEN: char = '\u{a0}';

/// What somebody came for.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Certificate,
    Link,
}

/// The day of a moment where the school is: `2 марта 2026 года`, `2 March 2026`.
pub(super) fn day(second: i64, zone: &TimeZone, language: Language) -> String {
    let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    let local = moment.in_tz(zone.as_str()).unwrap_or_else(|_| Zoned::new(moment, jiff::tz::TimeZone::UTC));
    let month = usize::try_from(local.month() - 1).unwrap_or_default();
    let (day, year) = (local.day(), local.year());
    match language {
        Language::Russian => format!("{day}{UNBROKEN}{} {year}{UNBROKEN}года", MONTHS_RU[month]),
        Language::English => format!("{day}{UNBROKEN}{} {year}", MONTHS_EN[month]),
    }
}

/// What mails of a kind are about, after the word for mails.
pub(super) fn about(kind: Kind, language: Language) -> &'static str {
    let (russian, english) = match kind {
        Kind::OrderPaid => ("об оплате заказов", "about paid orders"),
        Kind::OrderRefunded => ("о возврате денег", "about refunds"),
        Kind::PaymentFailed => ("о неудавшихся платежах", "about failed payments"),
        Kind::EnrolmentStarted => ("о начале обучения", "about courses you can start"),
        Kind::CourseCompleted => ("о законченных курсах", "about finished courses"),
        Kind::CertificateIssued => ("о выданных сертификатах", "about issued certificates"),
        Kind::CertificateRevoked => ("об отозванных сертификатах", "about revoked certificates"),
        Kind::DocumentVerified => ("о проверенных документах", "about verified papers"),
        Kind::DocumentRejected => ("об отклонённых документах", "about refused papers"),
        Kind::DocumentExpiring => ("о документах, срок которых истекает", "about papers that expire soon"),
        Kind::DocumentExpired => ("о документах, срок которых истёк", "about papers that have expired"),
        Kind::TutorVerified => ("о допуске к преподаванию", "about the permission to teach"),
        Kind::TutorVerificationEnded => {
            ("об окончании допуска к преподаванию", "about the end of the permission to teach")
        }
        Kind::Digest => ("с подборкой новостей", "with digests of news"),
        // These cannot be switched off, and a newer service may know more.
        Kind::PasswordChanged
        | Kind::SessionsRevoked
        | Kind::ConfirmEmail
        | Kind::ResetPassword
        | Kind::Unspecified => ("этого вида", "of this kind"),
    };
    match language {
        Language::Russian => russian,
        Language::English => english,
    }
}

/// The headline and the text of a page that says no.
pub(super) fn trouble(status: StatusCode, what: What, language: Language) -> (&'static str, &'static str) {
    let russian = language == Language::Russian;
    match (status, what) {
        (StatusCode::NOT_FOUND, What::Certificate) if russian => (
            "Такого сертификата нет",
            "Школа не выдавала сертификата с этим номером. Сверьте номер с напечатанным: в нём только латинские буквы и цифры.",
        ),
        (StatusCode::NOT_FOUND, What::Certificate) => (
            "There is no such certificate",
            "The school has issued no certificate with this number. Compare it with what is printed: there are only Latin letters and digits in it.",
        ),
        (StatusCode::NOT_FOUND, What::Link) if russian => (
            "Ссылка не действует",
            "Возможно, она скопирована не целиком. Письма можно отключить в настройках уведомлений.",
        ),
        (StatusCode::NOT_FOUND, What::Link) => (
            "This link does not work",
            "Perhaps it was not copied whole. E-mails can be switched off in your notification settings.",
        ),
        (StatusCode::TOO_MANY_REQUESTS, _) if russian => {
            ("Слишком много запросов", "Подождите минуту и обновите страницу.")
        }
        (StatusCode::TOO_MANY_REQUESTS, _) => ("Too many requests", "Wait a minute, then load this page again."),
        (StatusCode::SERVICE_UNAVAILABLE, What::Certificate) if russian => {
            ("Сейчас проверить не получается", "Это ничего не говорит о сертификате. Обновите страницу через минуту.")
        }
        (StatusCode::SERVICE_UNAVAILABLE, What::Certificate) => (
            "It cannot be checked at the moment",
            "This says nothing about the certificate. Load this page again in a minute.",
        ),
        (StatusCode::SERVICE_UNAVAILABLE, What::Link) if russian => {
            ("Сейчас не получается", "Ничего не изменилось. Обновите страницу через минуту.")
        }
        (StatusCode::SERVICE_UNAVAILABLE, What::Link) => {
            ("Not possible at the moment", "Nothing was changed. Load this page again in a minute.")
        }
        _ if russian => {
            ("Что-то пошло не так", "Ошибка на нашей стороне. Если она повторится, сообщите номер запроса в поддержку.")
        }
        _ => (
            "Something went wrong",
            "The mistake is ours. If it happens again, tell the support the number of the request.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_school() {
        let zone = |name: &str| TimeZone::parse(name).unwrap();
        // 2026-03-01T22:30:00Z.
        let late = 1_772_404_200;
        assert_eq!(day(late, &zone("Europe/Moscow"), Language::Russian), "2\u{a0}марта 2026\u{a0}года");
        assert_eq!(day(late, &zone("UTC"), Language::English), "1\u{a0}March 2026");
        assert_eq!(day(i64::MAX, &zone("UTC"), Language::English), "1\u{a0}January 1970");
    }
}
