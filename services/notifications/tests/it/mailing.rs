use notifications::domain::delivery::LEASE;
use notifications::domain::notice::{Code, Notice};
use testkit::eventually;
use time::Duration;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{SOON, World};
use crate::sink::{Answer, Sink};

async fn expect_received(sink: &Sink, count: usize) {
    eventually("mails", SOON, async || (sink.received().len() >= count).then_some(())).await;
    assert_eq!(sink.received().len(), count);
}

#[tokio::test]
async fn a_mail_is_sent_whole_and_then_forgotten() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let _sending = world.send();
    world.tell(user).await;
    let sent = world.expect_delivery("sent").await;
    assert_eq!((sent.attempts, sent.text_part), (1, None));
    let [mail] = &world.sink.received()[..] else { panic!("one mail") };
    assert_eq!(mail.to, "anna@example.org");
    assert_eq!(mail.header("From"), "Lyceum <no-reply@school.example>");
    assert!(mail.header("To").contains("Anna Petrova") && mail.header("To").contains("<anna@example.org>"));
    assert_eq!(mail.header("Subject"), "Your password was changed");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("Date"), "Mon, 02 Mar 2026 09:00:00 +0000");
    assert!(mail.header("Message-ID").ends_with("@school.example>"));
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"));
    assert!(mail.text.contains("text/plain") && mail.text.contains("text/html"));
}

#[tokio::test]
async fn a_code_is_wiped_once_it_is_sent() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let expires_at = world.clock.now() + Duration::minutes(15);
    let code = Notice::ConfirmEmail { code: Code::new("481516".to_owned()), expires_at };
    world.tell_of(user, &code).await;
    let whole = "select count(*) from deliveries where deliveries::text like '%481516%'";
    assert_eq!(world.count(whole).await, 1);
    let _sending = world.send();
    world.expect_delivery("sent").await;
    assert_eq!(world.count(whole).await, 0);
    assert!(world.sink.received()[0].text.contains("481516"));
}

#[tokio::test]
async fn a_temporary_refusal_is_tried_again_after_a_pause_as_the_same_mail() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Temporary, Answer::HangUp]);
    let _sending = world.send();
    world.tell(user).await;
    eventually("the first try is over", SOON, async || {
        (world.deliveries().await[0].reason == "SMTP_451").then_some(())
    })
    .await;
    assert_ne!(world.deliveries().await[0].state, "sent");
    // Time stands still, so nothing is due.
    assert_eq!(world.sink.received().len(), 1);
    world.clock.advance(Duration::seconds(5));
    eventually("the second try is over", SOON, async || {
        (world.deliveries().await[0].reason == "NO_CONNECTION").then_some(())
    })
    .await;
    world.clock.advance(Duration::seconds(15));
    assert_eq!(world.expect_delivery("sent").await.attempts, 3);
    let ids: Vec<_> = world.sink.received().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn a_refusal_for_good_is_not_tried_again_and_its_words_are_not_kept() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Refuse]);
    let _sending = world.send();
    world.tell(user).await;
    let failed = world.expect_delivery("failed").await;
    assert_eq!((failed.attempts, &*failed.reason, failed.text_part), (1, "SMTP_550", None));
}

#[tokio::test]
async fn a_mail_server_that_is_down_delays_mails_and_loses_none() {
    let mut world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let up = std::mem::replace(&mut world.sink, Sink::new().await);
    // Nobody listens at the address any more.
    drop(up);
    let sending = world.send();
    world.tell(user).await;
    eventually("a try in vain", SOON, async || (world.deliveries().await[0].reason == "NO_CONNECTION").then_some(()))
        .await;
    sending.stopped().await;
    let app = std::sync::Arc::get_mut(&mut world.app).expect("nobody else has the app");
    let from = "Lyceum <no-reply@school.example>".parse().unwrap();
    app.mailer = notifications::mail::Mailer::new(&world.sink.url, from, None).unwrap();
    let _sending = world.send();
    world.clock.advance(Duration::seconds(5));
    assert_eq!(world.expect_delivery("sent").await.attempts, 2);
}

#[tokio::test]
async fn a_mail_server_with_a_certificate_of_its_own_authority_is_believed_and_no_other() {
    let mut world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let (authority, other) = (testkit::Authority::new(), testkit::Authority::new());
    let issued = authority.issue(&["localhost"]);
    let url = testkit::encrypted(&world.sink.url, &issued, testkit::Begins::AtOnce).await.replacen("smtp", "smtps", 1);
    let mailer = |pem| {
        let from = "Lyceum <no-reply@school.example>".parse().unwrap();
        notifications::mail::Mailer::new(&url, from, Some(pem)).unwrap()
    };
    let use_it = |world: &mut World, pem| {
        std::sync::Arc::get_mut(&mut world.app).expect("nobody else has the app").mailer = mailer(pem);
    };
    use_it(&mut world, other.pem());
    let sending = world.send();
    world.tell(user).await;
    eventually("a try in vain", SOON, async || (world.deliveries().await[0].attempts > 0).then_some(())).await;
    sending.stopped().await;
    assert_eq!(world.deliveries().await[0].state, "queued");
    use_it(&mut world, authority.pem());
    let _sending = world.send();
    world.clock.advance(Duration::minutes(5));
    world.expect_delivery("sent").await;
}

#[tokio::test]
async fn a_sender_killed_after_the_servers_yes_sends_again_with_the_same_message_id() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Hold]);
    let sending = world.send();
    world.tell(user).await;
    expect_received(&world.sink, 1).await;
    // The server says yes, but the record cannot be written.
    let mut blocker = world.database.pool.begin().await.unwrap();
    sqlx::query("lock table deliveries in share mode").execute(&mut *blocker).await.unwrap();
    world.sink.release();
    let recording = "select count(*)
         from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like 'update deliveries%set state = $4%'";
    // Not through the blocker: within a transaction PostgreSQL shows the same activity for ever.
    world.expect_count(recording, 1).await;
    drop(sending);
    // What the dead sender had begun dies with it, the next claim too.
    let kill = "select pg_terminate_backend(pid)
         from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'";
    sqlx::query(kill).execute(&mut *blocker).await.unwrap();
    blocker.rollback().await.unwrap();
    assert_eq!(world.deliveries().await[0].state, "sending");

    let _sending = world.send();
    world.clock.advance(LEASE);
    let sent = world.expect_delivery("sent").await;
    assert_eq!(sent.attempts, 2);
    let ids: Vec<_> = world.sink.received().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_code_that_cannot_be_sent_in_time_is_given_up_and_wiped() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let expires_at = world.clock.now() + Duration::minutes(1);
    let code = Notice::ResetPassword { code: Code::new("481516".to_owned()), expires_at };
    world.tell_of(user, &code).await;
    world.clock.advance(Duration::minutes(1));
    let _sending = world.send();
    let over = world.expect_delivery("gave_up").await;
    assert_eq!((&*over.reason, over.text_part), ("EXPIRED", None));
    assert!(world.sink.received().is_empty());
}

#[tokio::test]
async fn two_senders_send_each_mail_once() {
    let world = World::new().await;
    for _ in 0..30 {
        let user = Uuid::new_v4();
        world.knows(user, "en").await;
        world.tell(user).await;
    }
    let (_one, _other) = (world.send(), world.send());
    world.expect_count("select count(*) from deliveries where state = 'sent'", 30).await;
    expect_received(&world.sink, 30).await;
}

#[tokio::test]
async fn a_slow_server_holds_up_one_mail_and_not_the_others() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Hold]);
    let _sending = world.send();
    world.tell(user).await;
    expect_received(&world.sink, 1).await;
    for _ in 0..20 {
        world.tell(user).await;
    }
    world.expect_count("select count(*) from deliveries where state = 'sent'", 20).await;
    world.sink.release();
    world.expect_count("select count(*) from deliveries where state = 'sent'", 21).await;
}

#[tokio::test]
async fn a_sender_that_is_told_to_stop_finishes_what_it_has_begun() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Hold]);
    let sending = world.send();
    world.tell(user).await;
    expect_received(&world.sink, 1).await;
    sending.ask_to_stop();
    world.sink.release();
    sending.stopped().await;
    assert_eq!(world.deliveries().await[0].state, "sent");
}

#[tokio::test]
async fn what_is_over_is_swept_after_ninety_days() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let sending = world.send();
    world.tell(user).await;
    world.expect_delivery("sent").await;
    sending.stopped().await;
    world.tell(user).await;
    world.clock.advance(Duration::days(90));
    notifications::flows::sweep::run(&world.app).await.unwrap();
    assert_eq!(world.deliveries().await.len(), 2);
    world.clock.advance(Duration::seconds(1));
    notifications::flows::sweep::run(&world.app).await.unwrap();
    let left: Vec<_> = world.deliveries().await.into_iter().map(|row| row.state).collect();
    assert_eq!(left, ["queued"], "what waits is not swept");
}
