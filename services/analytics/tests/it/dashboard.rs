//! The first page, at noon UTC on 26 November 2026: 15:00 in Moscow.

use proto::lyceum::{
    analytics::v1::{DashboardFigures, GetDashboardRequest},
    events::v1::{CertificateIssued, UserRegistered},
};

use crate::{
    asking::{Office, at, finished, id, learnt, money, paid, refunded, started},
    helpers::envelope,
};

fn registered(user: u128, when: &str) -> bus::Envelope {
    envelope(at(when), &UserRegistered { user_id: id(user) })
}

fn issued(certificate: u128, predecessor: Option<u128>, when: &str) -> bus::Envelope {
    let event = CertificateIssued {
        certificate_id: id(certificate),
        number: "LYC".to_owned(),
        learner_id: id(1),
        course_id: id(1),
        run_id: id(1),
        enrolment_id: id(1),
        predecessor_id: predecessor.map(id).unwrap_or_default(),
    };
    envelope(at(when), &event)
}

#[tokio::test]
async fn each_period_has_what_happened_in_it() {
    let office = Office::new().await;
    let events = [
        // Today began at 21:00 UTC yesterday.
        paid(1, 300, "2026-11-25T21:00:00Z"),
        paid(2, 101, "2026-11-25T20:59:59Z"),
        // The week began on 20 November, the month on 28 October, the one before it on 28 September.
        paid(3, 100, "2026-11-19T20:59:59Z"),
        paid(4, 1, "2026-10-27T20:59:59Z"),
        paid(5, 2, "2026-09-27T21:00:00Z"),
        paid(6, 4, "2026-09-27T20:59:59Z"),
        refunded(3, 100, "2026-11-26T10:00:00Z"),
        registered(1, "2026-11-26T09:00:00Z"),
        registered(2, "2026-11-25T09:00:00Z"),
        started(11, 1, "2026-11-26T09:00:00Z"),
        started(12, 2, "2026-11-01T09:00:00Z"),
        finished(12, 2, "2026-11-26T09:00:00Z"),
        issued(21, None, "2026-11-26T09:00:00Z"),
        issued(22, Some(21), "2026-11-26T09:30:00Z"),
        // One who learnt in both months, one who learnt twice, one who stopped.
        learnt(12, 2, 1, "2026-10-01T09:00:00Z"),
        learnt(12, 2, 2, "2026-11-02T09:00:00Z"),
        learnt(11, 1, 1, "2026-11-22T09:00:00Z"),
        learnt(11, 1, 2, "2026-11-26T09:00:00Z"),
        learnt(13, 3, 1, "2026-10-05T09:00:00Z"),
    ];
    office.world.hear(&events).await;
    let dashboard = office.ask().get_dashboard(GetDashboardRequest::default()).await.unwrap().into_inner();
    let figures =
        |net,
         orders_paid,
         average: Option<i64>,
         [registrations, enrolments, completions, active_learners, certificates]: [i64; 5]| {
            Some(DashboardFigures {
                net_revenue: money(net, "RUB"),
                orders_paid,
                average_order: average.and_then(|average| money(average, "RUB")),
                registrations,
                enrolments,
                completions,
                active_learners,
                certificates,
            })
        };
    assert_eq!(dashboard.today, figures(200, 1, Some(300), [1, 1, 1, 1, 1]));
    // 401 by 2 is 200.5.
    assert_eq!(dashboard.week, figures(301, 2, Some(200), [2, 1, 1, 1, 1]));
    assert_eq!(dashboard.month, figures(401, 3, Some(167), [2, 2, 1, 2, 1]));
    assert_eq!(dashboard.month_before, figures(3, 2, Some(2), [0, 0, 0, 2, 0]));
    let euros = GetDashboardRequest { currency: Some("EUR".to_owned()) };
    let euros = office.ask().get_dashboard(euros).await.unwrap().into_inner().month.unwrap();
    assert_eq!((euros.net_revenue, euros.average_order, euros.completions), (money(0, "EUR"), None, 1));
}

#[tokio::test]
async fn who_asks_too_early_gets_zeroes_and_is_told_that_nothing_was_heard() {
    let office = Office::new().await;
    let dashboard = office.ask().get_dashboard(GetDashboardRequest::default()).await.unwrap().into_inner();
    assert_eq!(dashboard.today.unwrap().net_revenue, money(0, "RUB"));
    assert_eq!(dashboard.about.unwrap().as_of, None);
    analytics::flows::ingest::run(&office.world.app, &[], Some(at("2026-11-26T11:59:00Z"))).await.unwrap();
    let dashboard = office.ask().get_dashboard(GetDashboardRequest::default()).await.unwrap().into_inner();
    assert_eq!(dashboard.about.unwrap().as_of, Some(at("2026-11-26T11:59:00Z").into()));
}
