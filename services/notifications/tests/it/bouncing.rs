use futures::future::join_all;
use notifications::domain::notice::{Code as OneTimeCode, Notice};
use proto::lyceum::events::v1::ProfileChanged;
use proto::lyceum::notifications::v1::{
    BouncedAddress, ClearBouncedAddressRequest, DeliveryLog, GetDeliveryRequest, ListBouncedAddressesRequest,
    delivery::State, delivery_service_client::DeliveryServiceClient,
};
use time::Duration;
use tonic::{Code, Status};
use uuid::Uuid;
use values::Clock;

use crate::helpers::{World, profile};
use crate::sink::Answer;

type Client = DeliveryServiceClient<auth::Channel>;

async fn with<T>(world: &World, permissions: &[&str], ask: impl AsyncFnOnce(Client) -> T) -> T {
    let door = world.serve().await;
    ask(Client::new(door.to(world.fleet.person(Uuid::new_v4(), permissions)))).await
}

async fn bounced(world: &World, page_size: i32, page_token: &str) -> (Vec<BouncedAddress>, String) {
    let request = ListBouncedAddressesRequest { page_size, page_token: page_token.to_owned() };
    let listed = with(world, &["deliveries.read"], async |mut client| client.list_bounced_addresses(request).await);
    let listed = listed.await.unwrap().into_inner();
    (listed.addresses, listed.next_page_token.unwrap_or_default())
}

async fn clear(world: &World, user: &str, permissions: &[&str]) -> Result<(), Status> {
    let request = ClearBouncedAddressRequest { user_id: user.to_owned() };
    with(world, permissions, async |mut client| client.clear_bounced_address(request).await).await?;
    Ok(())
}

async fn log(world: &World, delivery: &str) -> Result<DeliveryLog, Status> {
    let request = GetDeliveryRequest { delivery_id: delivery.to_owned() };
    let log = with(world, &["deliveries.read"], async |mut client| client.get_delivery(request).await);
    Ok(log.await?.into_inner())
}

async fn only_delivery(world: &World) -> String {
    let id: Uuid = sqlx::query_scalar("select delivery_id from deliveries order by delivery_id limit 1")
        .fetch_one(&world.app.db)
        .await
        .unwrap();
    id.to_string()
}

/// Somebody whose mail was just answered like this.
async fn answered(world: &World, answer: Answer) -> Uuid {
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([answer]);
    let sending = world.send();
    world.tell(user).await;
    world.expect_delivery("failed").await;
    sending.stopped().await;
    user
}

#[tokio::test]
async fn nothing_is_written_to_an_address_that_bounced_and_the_feed_goes_on() {
    let world = World::new().await;
    let user = answered(&world, Answer::Refuse).await;
    world.tell(user).await;
    let expires_at = world.clock.now() + Duration::minutes(15);
    world.tell_of(user, &Notice::ResetPassword { code: OneTimeCode::new("481516".to_owned()), expires_at }).await;
    let suppressed = "select count(*) from deliveries
         where state = 'suppressed' and reason = 'BOUNCED' and attempts = 0 and text_part is null";
    assert_eq!(world.count(suppressed).await, 2, "codes neither");
    assert_eq!(world.count("select count(*) from notices").await, 2);
    let (addresses, _) = bounced(&world, 0, "").await;
    let [address] = &addresses[..] else { panic!("one address") };
    assert_eq!((&*address.user_id, &*address.masked_address), (&*user.to_string(), "a***@example.org"));
    assert_eq!((&*address.reason, address.bounced_at.is_some()), ("SMTP_550", true));
}

#[tokio::test]
async fn what_waited_already_is_not_tried_either() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Temporary, Answer::Refuse]);
    let sending = world.send();
    world.tell(user).await;
    testkit::eventually("a try in vain", crate::helpers::SOON, async || {
        (world.deliveries().await[0].reason == "SMTP_451").then_some(())
    })
    .await;
    world.tell(user).await;
    world.expect_delivery("failed").await;
    world.clock.advance(Duration::seconds(5));
    assert_eq!(world.expect_delivery("suppressed").await.reason, "BOUNCED");
    sending.stopped().await;
    assert_eq!(world.sink.received().len(), 1, "the first try only");
}

#[tokio::test]
async fn a_full_mailbox_and_a_dislike_of_us_are_no_bounces() {
    for answer in [Answer::Full, Answer::Policy] {
        let world = World::new().await;
        let user = answered(&world, answer).await;
        assert!(bounced(&world, 0, "").await.0.is_empty());
        world.clock.advance(Duration::SECOND);
        world.tell(user).await;
        assert_eq!(world.deliveries().await[1].state, "queued");
    }
}

#[tokio::test]
async fn a_new_address_starts_clean_and_the_old_one_however_it_is_spelt_does_not() {
    let world = World::new().await;
    let user = answered(&world, Answer::Refuse).await;
    let with = |email: &str| ProfileChanged { email: email.to_owned(), ..profile(user, "en") };
    world.knows_profile(with("Anna@Example.org"), 2).await;
    world.clock.advance(Duration::SECOND);
    world.tell(user).await;
    assert_eq!(world.deliveries().await[1].state, "suppressed");
    world.knows_profile(with("anna@example.net"), 3).await;
    world.clock.advance(Duration::SECOND);
    world.tell(user).await;
    assert_eq!(world.deliveries().await[2].state, "queued");
    assert!(bounced(&world, 0, "").await.0.is_empty());
}

#[tokio::test]
async fn a_cleared_address_is_written_to_again() {
    let world = World::new().await;
    let user = answered(&world, Answer::Refuse).await;
    let refused = clear(&world, &user.to_string(), &["deliveries.read"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = clear(&world, "anna", &["deliveries.manage"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for _ in 0..2 {
        clear(&world, &user.to_string(), &["deliveries.manage"]).await.unwrap();
    }
    world.tell(user).await;
    let _sending = world.send();
    world.expect_delivery("sent").await;
}

#[tokio::test]
async fn bounces_are_paged_latest_first() {
    let world = World::new().await;
    for _ in 0..5 {
        let user = Uuid::new_v4();
        world.knows(user, "en").await;
        world.sink.will([Answer::Refuse]);
        let sending = world.send();
        world.tell(user).await;
        world.expect_count("select count(*) from deliveries where state <> 'failed'", 0).await;
        sending.stopped().await;
        world.clock.advance(Duration::SECOND);
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = bounced(&world, 2, &token).await;
        seen.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by_key(|address| std::cmp::Reverse(address.bounced_at.unwrap().seconds)));
}

#[tokio::test]
async fn many_bounces_at_once_are_one() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let adding = (0..8).map(async |_| {
        let mut conn = world.app.db.acquire().await.unwrap();
        let (user, now) = (values::Id::from_uuid(user), world.clock.now());
        notifications::store::bounces::add(&mut conn, user, "anna@example.org", "SMTP_550", now).await.unwrap();
    });
    join_all(adding).await;
    assert_eq!(world.count("select count(*) from bounced_addresses").await, 1);
    // A bounce that comes after the person was erased leaves nothing.
    let mut conn = world.app.db.acquire().await.unwrap();
    let (user, now) = (values::Id::from_uuid(user), world.clock.now());
    notifications::flows::erase_recipient::run(&mut conn, user, 9, now).await.unwrap();
    notifications::store::bounces::add(&mut conn, user, "anna@example.org", "SMTP_550", now).await.unwrap();
    assert_eq!(world.count("select count(*) from bounced_addresses").await, 0);
}

#[tokio::test]
async fn every_try_is_in_the_log() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.sink.will([Answer::Temporary]);
    let sending = world.send();
    world.tell(user).await;
    testkit::eventually("a try in vain", crate::helpers::SOON, async || {
        (world.deliveries().await[0].reason == "SMTP_451").then_some(())
    })
    .await;
    world.clock.advance(Duration::seconds(5));
    world.expect_delivery("sent").await;
    sending.stopped().await;
    let id = only_delivery(&world).await;
    let read = log(&world, &id).await.unwrap();
    assert_eq!(read.delivery.unwrap().state(), State::Sent);
    let tries: Vec<_> = read.attempts.iter().map(|tried| (tried.number, &*tried.outcome)).collect();
    assert_eq!(tries, [(1, "SMTP_451"), (2, "SENT")]);
    let started: Vec<_> = read.attempts.iter().map(|tried| tried.started_at.unwrap().seconds).collect();
    assert_eq!(started[1] - started[0], 5);
    for (unknown, code) in [(&*Uuid::new_v4().to_string(), Code::NotFound), ("anna", Code::InvalidArgument)] {
        assert_eq!(log(&world, unknown).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_try_whose_sender_died_is_in_the_log_as_lost() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    world.tell(user).await;
    // A sender claims it, and is heard of no more.
    assert_eq!(notifications::flows::send::claim(&world.app, 8).await.unwrap().len(), 1);
    let id = only_delivery(&world).await;
    assert_eq!(log(&world, &id).await.unwrap().attempts[0].outcome, "UNDER_WAY");
    world.clock.advance(notifications::domain::delivery::LEASE);
    let _sending = world.send();
    world.expect_delivery("sent").await;
    let tries: Vec<_> = log(&world, &id).await.unwrap().attempts.into_iter().map(|tried| tried.outcome).collect();
    assert_eq!(tries, ["LOST", "SENT"]);
}
