use notifications::domain::id::EventId;
use notifications::domain::notice::Notice;
use proto::lyceum::events::v1::ProfileChanged;
use proto::lyceum::notifications::v1::{
    Channel, Digest, GetMyNotificationPreferencesRequest, GetUnsubscribeLinkRequest, NotificationPreferences,
    PreferenceRule, QuietHours, UnsubscribeLink, UnsubscribeRequest, UpdateMyNotificationPreferencesRequest,
    notification::Kind, preference_rule::Timing, preference_service_client::PreferenceServiceClient,
};
use proto::wkt::FieldMask;
use rpc::Problem;
use time::macros::datetime;
use tonic::{Code, Status};
use uuid::Uuid;
use values::Clock;

use crate::helpers::{World, profile};

const VERIFIED: Notice = Notice::TutorVerified { valid_until: None };

fn rule(kind: Kind, channel: Channel, timing: Timing) -> PreferenceRule {
    PreferenceRule { kind: kind.into(), channel: channel.into(), timing: timing.into() }
}

fn rules(rules: impl Into<Vec<PreferenceRule>>) -> NotificationPreferences {
    NotificationPreferences { rules: rules.into(), ..NotificationPreferences::default() }
}

fn quiet(from: &str, to: &str) -> NotificationPreferences {
    let quiet_hours = Some(QuietHours { from: from.to_owned(), to: to.to_owned() });
    NotificationPreferences { quiet_hours, ..NotificationPreferences::default() }
}

async fn update(
    world: &World,
    user: Uuid,
    preferences: NotificationPreferences,
    mask: &[&str],
) -> Result<NotificationPreferences, Status> {
    let door = world.serve().await;
    let mut client = PreferenceServiceClient::new(door.to(world.person(user)));
    let paths = mask.iter().map(|&path| path.to_owned()).collect();
    let update_mask = Some(FieldMask { paths });
    let request = UpdateMyNotificationPreferencesRequest { preferences: Some(preferences), update_mask };
    Ok(client.update_my_notification_preferences(request).await?.into_inner())
}

async fn mine(world: &World, user: Uuid) -> NotificationPreferences {
    let door = world.serve().await;
    let mut client = PreferenceServiceClient::new(door.to(world.person(user)));
    client.get_my_notification_preferences(GetMyNotificationPreferencesRequest {}).await.unwrap().into_inner()
}

async fn somebody(world: &World) -> Uuid {
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    user
}

/// The secret in the latest link.
async fn token(world: &World) -> String {
    sqlx::query_scalar("select token from unsubscribe_links").fetch_one(&world.app.db).await.unwrap()
}

async fn link(world: &World, token: &str) -> Result<UnsubscribeLink, Status> {
    let door = world.serve().await;
    let mut visitor = PreferenceServiceClient::new(door.to(world.fleet.visitor()));
    let request = GetUnsubscribeLinkRequest { token: token.to_owned() };
    Ok(visitor.get_unsubscribe_link(request).await?.into_inner())
}

async fn unsubscribe(world: &World, token: &str) -> Result<UnsubscribeLink, Status> {
    let door = world.serve().await;
    let mut visitor = PreferenceServiceClient::new(door.to(world.fleet.visitor()));
    Ok(visitor.unsubscribe(UnsubscribeRequest { token: token.to_owned() }).await?.into_inner())
}

async fn make_digests(world: &World) {
    notifications::flows::digest::run(&world.app).await.unwrap();
}

fn gathered() -> NotificationPreferences {
    rules([rule(Kind::TutorVerified, Channel::Email, Timing::Digest)])
}

#[tokio::test]
async fn rules_that_are_not_named_stay_as_they_are() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let defaults = mine(&world, user).await;
    assert!(defaults.rules.iter().all(|rule| rule.timing() == Timing::AtOnce));
    assert_eq!((defaults.quiet_hours, defaults.digest.unwrap().at), (None, Some("09:00".to_owned())));
    let off = rule(Kind::OrderPaid, Channel::Email, Timing::Never);
    update(&world, user, rules([off]), &[]).await.unwrap();
    let gathered = rule(Kind::TutorVerified, Channel::Email, Timing::Digest);
    let both = NotificationPreferences { rules: vec![gathered], ..quiet("22:00", "08:00") };
    let changed = update(&world, user, both.clone(), &["rules"]).await.unwrap();
    assert!(changed.rules.contains(&off) && changed.rules.contains(&gathered));
    assert_eq!(changed.quiet_hours, None, "the mask does not name it");
    let changed = update(&world, user, both.clone(), &[]).await.unwrap();
    assert_eq!(changed.quiet_hours, both.quiet_hours);
    let digest = Some(Digest { at: Some("18:30".to_owned()), ..Digest::default() });
    let changed = NotificationPreferences { digest, ..NotificationPreferences::default() };
    let changed = update(&world, user, changed, &["digest"]).await.unwrap();
    assert_eq!((changed.quiet_hours, changed.digest.unwrap().at), (both.quiet_hours, Some("18:30".to_owned())));
    let none = update(&world, user, NotificationPreferences::default(), &["quiet_hours", "digest"]).await.unwrap();
    assert_eq!(none.quiet_hours, None, "named by the mask and not there");
    assert_eq!(none.digest.as_ref().unwrap().at.as_deref(), Some("09:00"), "as it is for everybody");
    assert_eq!(mine(&world, user).await, none);
}

#[tokio::test]
async fn every_mistake_is_told_at_once_and_nothing_is_changed() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let wrong = NotificationPreferences {
        rules: vec![
            rule(Kind::Unspecified, Channel::Email, Timing::Never),
            rule(Kind::OrderPaid, Channel::Feed, Timing::Digest),
            rule(Kind::Digest, Channel::Email, Timing::Never),
            rule(Kind::OrderPaid, Channel::Email, Timing::Never),
            rule(Kind::OrderPaid, Channel::Email, Timing::AtOnce),
            rule(Kind::PasswordChanged, Channel::Email, Timing::Never),
        ],
        quiet_hours: Some(QuietHours { from: "25:00".to_owned(), to: "8".to_owned() }),
        digest: Some(Digest { every: 9, at: Some("noon".to_owned()) }),
    };
    // What is wrong with single fields comes first; whether rules go together is asked of a request whose fields are right.
    let unfit = NotificationPreferences { rules: wrong.rules[1..].to_vec(), ..NotificationPreferences::default() };
    let mask = ["rules", "quiet_hours", "digest", "colour"];
    let problem = Problem::from(&update(&world, user, wrong, &mask).await.unwrap_err());
    assert_eq!(problem.reason, "INVALID");
    let mut fields: Vec<_> = problem.violations.iter().map(|wrong| wrong.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "preferences.digest.at",
            "preferences.digest.every",
            "preferences.quiet_hours.from",
            "preferences.quiet_hours.to",
            "preferences.rules[0].kind",
            "update_mask",
        ]
    );
    let problem = Problem::from(&update(&world, user, unfit, &["rules"]).await.unwrap_err());
    let mut fields: Vec<_> = problem.violations.iter().map(|wrong| wrong.field.as_str()).collect();
    fields.sort_unstable();
    let rules_of = ["rules[0].timing", "rules[1].kind", "rules[3].kind", "rules[4].timing"];
    assert_eq!(fields, rules_of.map(|rule| format!("preferences.{rule}")));
    let same = update(&world, user, quiet("08:00", "08:00"), &[]).await.unwrap_err();
    assert_eq!(Problem::from(&same).violations[0].field, "preferences.quiet_hours.to");
    let warning = rules([rule(Kind::SessionsRevoked, Channel::Feed, Timing::Never)]);
    let problem = Problem::from(&update(&world, user, warning, &[]).await.unwrap_err());
    assert_eq!((&*problem.reason, problem.violations.len()), ("ALWAYS_TOLD", 1));
    assert_eq!(world.count("select count(*) from preference_rules").await, 0);
}

#[tokio::test]
async fn each_way_is_switched_off_by_itself() {
    let world = World::new().await;
    let user = somebody(&world).await;
    update(&world, user, rules([rule(Kind::TutorVerified, Channel::Email, Timing::Never)]), &[]).await.unwrap();
    world.tell_of(user, &VERIFIED).await;
    assert_eq!(world.count("select count(*) from notices").await, 1);
    assert_eq!(world.deliveries().await, []);
    let swapped = [
        rule(Kind::TutorVerified, Channel::Email, Timing::AtOnce),
        rule(Kind::TutorVerified, Channel::Feed, Timing::Never),
    ];
    update(&world, user, rules(swapped), &[]).await.unwrap();
    world.tell_of(user, &VERIFIED).await;
    assert_eq!(world.count("select count(*) from notices").await, 1);
    assert_eq!(world.deliveries().await.len(), 1);
}

#[tokio::test]
async fn a_mail_that_can_wait_waits_for_the_morning_and_a_warning_does_not() {
    let world = World::new().await;
    let user = somebody(&world).await;
    update(&world, user, quiet("22:00", "08:00"), &[]).await.unwrap();
    // 23:30 in Moscow.
    world.clock.set(datetime!(2026-03-02 20:30 UTC));
    world.tell_of(user, &VERIFIED).await;
    world.tell(user).await;
    let due = "select count(*) from deliveries where held and next_attempt_at = '2026-03-03 05:00Z'";
    assert_eq!(world.count(due).await, 1);
    let _sending = world.send();
    assert_eq!(world.expect_delivery("sent").await.kind, "password-changed");
    world.clock.set(datetime!(2026-03-03 04:59 UTC));
    assert_eq!(world.sink.received().len(), 1);
    world.clock.set(datetime!(2026-03-03 05:00 UTC));
    world.expect_count("select count(*) from deliveries where state = 'sent' and not held", 2).await;
}

#[tokio::test]
async fn who_confirms_the_address_at_night_is_written_to_in_the_morning() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    let unconfirmed = ProfileChanged { email_confirmed: false, ..profile(user, "en") };
    world.knows_profile(unconfirmed.clone(), 1).await;
    world.clock.set(datetime!(2026-03-02 09:00 UTC));
    update(&world, user, quiet("22:00", "08:00"), &[]).await.unwrap();
    world.tell_of(user, &VERIFIED).await;
    world.tell(user).await;
    // Other hours let go nothing that waits for the address.
    update(&world, user, quiet("23:00", "08:00"), &[]).await.unwrap();
    assert_eq!(world.count("select count(*) from deliveries where unconfirmed and not held").await, 2);
    // 23:30 in Moscow.
    world.clock.set(datetime!(2026-03-02 20:30 UTC));
    world.knows_profile(profile(user, "en"), 2).await;
    let _sending = world.send();
    assert_eq!(world.expect_delivery("sent").await.kind, "password-changed");
    let due = "select count(*) from deliveries where held and next_attempt_at = '2026-03-03 05:00Z'";
    assert_eq!(world.count(due).await, 1);
    // What is switched off meanwhile is not sent, whatever it waits for.
    world.knows_profile(unconfirmed, 3).await;
    world.tell_of(user, &VERIFIED).await;
    let off = rules([rule(Kind::TutorVerified, Channel::Email, Timing::Never)]);
    update(&world, user, off, &[]).await.unwrap();
    let off = "select count(*) from deliveries where state = 'suppressed' and not unconfirmed and not held";
    assert_eq!(world.count(off).await, 2);
}

#[tokio::test]
async fn what_waits_follows_other_hours_and_another_zone() {
    let world = World::new().await;
    let user = somebody(&world).await;
    update(&world, user, quiet("22:00", "08:00"), &[]).await.unwrap();
    update(&world, user, rules([rule(Kind::CertificateRevoked, Channel::Email, Timing::Digest)]), &[]).await.unwrap();
    world.clock.set(datetime!(2026-03-02 20:30 UTC));
    world.tell_of(user, &VERIFIED).await;
    let (certificate, number) = (values::Id::new(world.clock.now()), "LY-7K3M".to_owned());
    world.tell_of(user, &Notice::CertificateRevoked { certificate, number, replaced: false }).await;
    assert_eq!(world.count("select count(*) from digest_plans where due_at = '2026-03-03 06:00Z'").await, 1);
    update(&world, user, quiet("22:00", "09:30"), &[]).await.unwrap();
    assert_eq!(world.count("select count(*) from deliveries where next_attempt_at = '2026-03-03 06:30Z'").await, 1);
    let moved = proto::lyceum::events::v1::ProfileChanged { time_zone: "UTC".to_owned(), ..profile(user, "en") };
    world.knows_profile(moved, 2).await;
    // 20:30 in UTC: it is not quiet there, and nine is later.
    let now = "select count(*) from deliveries where next_attempt_at = '2026-03-02 20:30Z' and not held";
    assert_eq!(world.count(now).await, 1);
    assert_eq!(world.count("select count(*) from digest_plans where due_at = '2026-03-03 09:00Z'").await, 1);
}

#[tokio::test]
async fn a_digest_is_one_mail_a_day_of_what_came_together_and_none_if_nothing_did() {
    let world = World::new().await;
    let user = somebody(&world).await;
    update(&world, user, gathered(), &[]).await.unwrap();
    let event = EventId::new(world.clock.now());
    // The same event twice is one item.
    world.tell_event(user, event, &VERIFIED).await;
    world.tell_event(user, event, &VERIFIED).await;
    world.tell_of(user, &VERIFIED).await;
    assert_eq!(world.count("select count(*) from digest_items").await, 2);
    make_digests(&world).await;
    assert_eq!(world.deliveries().await, [], "it is not time");
    world.clock.set(datetime!(2026-03-03 06:00 UTC));
    make_digests(&world).await;
    make_digests(&world).await;
    let [mail] = &world.deliveries().await[..] else { panic!("one digest") };
    assert_eq!(mail.kind, "digest");
    assert_eq!(mail.text_part.as_ref().unwrap().matches("* You may teach").count(), 2);
    assert_eq!(world.count("select count(*) from digest_items").await, 0);
    assert_eq!(world.count("select count(*) from digest_plans").await, 0);
    // Later on the same day there is no second one, whatever time is chosen.
    let evening = Some(Digest { at: Some("20:00".to_owned()), ..Digest::default() });
    update(&world, user, NotificationPreferences { digest: evening, ..gathered() }, &[]).await.unwrap();
    world.tell_of(user, &VERIFIED).await;
    world.clock.set(datetime!(2026-03-03 18:00 UTC));
    make_digests(&world).await;
    assert_eq!(world.deliveries().await.len(), 1);
    world.clock.set(datetime!(2026-03-04 17:00 UTC));
    make_digests(&world).await;
    assert_eq!(world.deliveries().await.len(), 2);
    world.clock.set(datetime!(2026-03-06 17:00 UTC));
    make_digests(&world).await;
    assert_eq!(world.deliveries().await.len(), 2, "nothing to say is no mail");
}

#[tokio::test]
async fn many_who_make_digests_at_once_make_each_once() {
    let world = World::new().await;
    for _ in 0..10 {
        let user = somebody(&world).await;
        update(&world, user, gathered(), &[]).await.unwrap();
        world.tell_of(user, &VERIFIED).await;
    }
    world.clock.set(datetime!(2026-03-03 06:00 UTC));
    futures::future::join_all((0..4).map(|_| make_digests(&world))).await;
    assert_eq!(world.count("select count(*) from deliveries where kind = 'digest'").await, 10);
    assert_eq!(world.count("select count(*) from digests").await, 10);
}

#[tokio::test]
async fn a_digest_that_was_cut_off_before_its_commit_is_made_whole_later() {
    let world = World::new().await;
    let user = somebody(&world).await;
    update(&world, user, gathered(), &[]).await.unwrap();
    world.tell_of(user, &VERIFIED).await;
    world.clock.set(datetime!(2026-03-03 06:00 UTC));
    let refuse = "alter table deliveries add constraint no_digests check (kind <> 'digest')";
    sqlx::query(refuse).execute(&world.app.db).await.unwrap();
    assert!(notifications::flows::digest::run(&world.app).await.is_err());
    assert_eq!(world.count("select count(*) from digest_items").await, 1);
    sqlx::query("alter table deliveries drop constraint no_digests").execute(&world.app.db).await.unwrap();
    make_digests(&world).await;
    assert_eq!(world.count("select count(*) from deliveries where kind = 'digest'").await, 1);
}

#[tokio::test]
async fn a_mail_carries_a_link_by_which_one_click_switches_its_kind_off() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let sending = world.send();
    world.tell_of(user, &VERIFIED).await;
    world.expect_delivery("sent").await;
    sending.stopped().await;
    let token = token(&world).await;
    let url = format!("https://school.example/unsubscribe/{token}");
    let mail = world.sink.received().remove(0);
    assert_eq!(mail.header("List-Unsubscribe"), format!("<{url}>"));
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");

    let shown = link(&world, &token).await.unwrap();
    assert_eq!((shown.kind(), shown.unsubscribed), (Kind::TutorVerified, false), "looking changes nothing");
    assert_eq!((&*shown.masked_address, &*shown.language, &*shown.school), ("a***@example.org", "en", "Lyceum"));
    world.tell_of(user, &VERIFIED).await;
    for _ in 0..2 {
        assert!(unsubscribe(&world, &token).await.unwrap().unsubscribed);
    }
    assert!(link(&world, &token).await.unwrap().unsubscribed);
    // The one that was on its way goes nowhere, and the feed goes on.
    assert_eq!(world.expect_delivery("suppressed").await.reason, "UNSUBSCRIBED");
    world.tell_of(user, &VERIFIED).await;
    assert_eq!(world.deliveries().await.len(), 2);
    assert_eq!(world.count("select count(*) from notices").await, 3);
    // Switched on again, old links work as before.
    update(&world, user, rules([rule(Kind::TutorVerified, Channel::Email, Timing::AtOnce)]), &[]).await.unwrap();
    assert!(!link(&world, &token).await.unwrap().unsubscribed);
}

#[tokio::test]
async fn what_is_about_the_account_carries_no_such_link() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let _sending = world.send();
    world.tell(user).await;
    world.expect_delivery("sent").await;
    assert!(!world.sink.received()[0].text.contains("nsubscribe"));
    assert_eq!(world.count("select count(*) from unsubscribe_links").await, 0);
}

#[tokio::test]
async fn the_link_of_a_digest_switches_off_everything_that_is_gathered() {
    let world = World::new().await;
    let user = somebody(&world).await;
    update(&world, user, gathered(), &[]).await.unwrap();
    world.tell_of(user, &VERIFIED).await;
    world.clock.set(datetime!(2026-03-03 06:00 UTC));
    make_digests(&world).await;
    world.tell_of(user, &VERIFIED).await;
    let link = unsubscribe(&world, &token(&world).await).await.unwrap();
    assert_eq!((link.kind(), link.unsubscribed), (Kind::Digest, true));
    assert_eq!(world.count("select count(*) from digest_items").await, 0);
    assert_eq!(world.expect_delivery("suppressed").await.kind, "digest");
    let off = rule(Kind::TutorVerified, Channel::Email, Timing::Never);
    assert!(mine(&world, user).await.rules.contains(&off));
}

#[tokio::test]
async fn one_link_a_person_and_kind_however_many_write_at_once() {
    let world = World::new().await;
    let user = somebody(&world).await;
    futures::future::join_all((0..8).map(|_| world.tell_of(user, &VERIFIED))).await;
    assert_eq!(world.count("select count(*) from unsubscribe_links").await, 1);
    assert_eq!(world.count("select count(distinct unsubscribe_url) from deliveries").await, 1);
}

#[tokio::test]
async fn an_unknown_link_and_that_of_an_erased_person_are_not_found() {
    let world = World::new().await;
    let user = somebody(&world).await;
    world.tell_of(user, &VERIFIED).await;
    update(&world, user, NotificationPreferences { rules: gathered().rules, ..quiet("22:00", "08:00") }, &[])
        .await
        .unwrap();
    world.tell_of(user, &VERIFIED).await;
    let token = token(&world).await;
    let mut conn = world.app.db.acquire().await.unwrap();
    notifications::flows::erase_recipient::run(&mut conn, values::Id::from_uuid(user), 9, world.clock.now())
        .await
        .unwrap();
    let long = "0".repeat(201);
    let unknown = [(&*token, Code::NotFound), ("'; drop table recipients", Code::NotFound)];
    for (token, code) in unknown.into_iter().chain([("", Code::InvalidArgument), (&*long, Code::InvalidArgument)]) {
        for refused in [link(&world, token).await.unwrap_err(), unsubscribe(&world, token).await.unwrap_err()] {
            assert_eq!(refused.code(), code);
        }
    }
    for table in ["preference_rules", "preference_times", "digest_items", "digest_plans", "unsubscribe_links"] {
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&world.app.db)
            .await
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(update(&world, user, gathered(), &[]).await.unwrap_err().code(), Code::NotFound);
    let stranger = update(&world, Uuid::new_v4(), gathered(), &[]).await.unwrap_err();
    assert_eq!(stranger.code(), Code::Unavailable, "their profile is on its way");
}
