use std::time::Duration;

use futures::{StreamExt, future::join_all};
use notifications::domain::notice::Notice;
use proto::lyceum::notifications::v1::{
    ListNotificationsRequest, Notification, WatchNotificationsRequest,
    notification_service_client::NotificationServiceClient,
};
use testkit::{Served, eventually};
use tonic::{Code, Streaming};
use uuid::Uuid;

use crate::helpers::{SOON, World};

type Client = NotificationServiceClient<auth::Channel>;

fn client(world: &World, door: &Served, user: Uuid) -> Client {
    Client::new(door.to(world.person(user)))
}

async fn watch(client: &mut Client, after: &str) -> Streaming<Notification> {
    let request = WatchNotificationsRequest { after_notification_id: after.to_owned() };
    client.watch_notifications(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<Notification>) -> Notification {
    tokio::time::timeout(SOON, stream.next()).await.expect("something new in time").expect("a stream").unwrap()
}

/// The ids of a person's feed, oldest first.
async fn feed(client: &mut Client) -> Vec<String> {
    let request = ListNotificationsRequest { page_size: 200, ..ListNotificationsRequest::default() };
    let listed = client.list_notifications(request).await.unwrap().into_inner().notifications;
    listed.into_iter().rev().map(|notice| notice.notification_id).collect()
}

async fn somebody(world: &World) -> Uuid {
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    user
}

#[tokio::test]
async fn what_comes_is_told_to_the_person_and_to_nobody_else() {
    let world = World::new().await;
    let (user, other) = (somebody(&world).await, somebody(&world).await);
    world.tell(user).await;
    let door = world.serve().await;
    let _listening = world.listen();
    let mut client = client(&world, &door, user);
    let mut stream = watch(&mut client, "").await;
    world.tell(other).await;
    world.tell_of(user, &Notice::TutorVerified { valid_until: None }).await;
    let told = next(&mut stream).await;
    assert_eq!(told.title, "You may teach", "what was there before is not told");
    assert_eq!(feed(&mut client).await[1], told.notification_id);
    world.tell(user).await;
    assert_eq!(next(&mut stream).await.title, "Your password was changed");
}

#[tokio::test]
async fn a_reader_that_was_cut_off_goes_on_where_it_was() {
    let world = World::new().await;
    let user = somebody(&world).await;
    for _ in 0..120 {
        world.tell(user).await;
    }
    let door = world.serve().await;
    let _listening = world.listen();
    let mut client = client(&world, &door, user);
    let all = feed(&mut client).await;
    let mut stream = watch(&mut client, &all[9]).await;
    // More than are read at once.
    for expected in &all[10..] {
        assert_eq!(next(&mut stream).await.notification_id, *expected);
    }
    drop(stream);
    world.tell(user).await;
    let mut stream = watch(&mut client, &all[119]).await;
    assert_eq!(next(&mut stream).await.notification_id, feed(&mut client).await[120]);
}

// Transactions that commit in another order than they began must not hide an entry behind a newer one.
#[tokio::test]
async fn nothing_is_missed_or_told_twice_while_many_tell_at_once() {
    let world = World::new().await;
    let user = somebody(&world).await;
    world.tell(user).await;
    let door = world.serve().await;
    let _listening = world.listen();
    let mut client = client(&world, &door, user);
    let first = feed(&mut client).await.remove(0);
    let mut stream = watch(&mut client, &first).await;
    let telling = join_all((0..40).map(|_| world.tell(user)));
    let reading = async {
        let mut seen = Vec::new();
        while seen.len() < 40 {
            seen.push(next(&mut stream).await.notification_id);
        }
        seen
    };
    let (_, seen) = tokio::join!(telling, reading);
    assert_eq!(seen, feed(&mut client).await[1..]);
}

#[tokio::test]
async fn what_another_replica_adds_is_seen_as_well_and_by_nobody_else() {
    let world = World::new().await;
    let (user, other) = (somebody(&world).await, somebody(&world).await);
    world.tell(user).await;
    let door = world.serve().await;
    let _listening = world.listen();
    let mut client = client(&world, &door, user);
    let mut stream = watch(&mut client, "").await;
    world.tell_elsewhere(other, &Notice::PasswordChanged).await;
    for _ in 0..3 {
        world.tell_elsewhere(user, &Notice::TutorVerified { valid_until: None }).await;
        assert_eq!(next(&mut stream).await.title, "You may teach");
    }
}

#[tokio::test]
async fn watching_ends_with_the_drain_and_when_nobody_reads_any_more() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let door = world.serve().await;
    let mut watcher = client(&world, &door, user);
    let mut stream = watch(&mut watcher, "").await;
    world.stop.cancel();
    let end = tokio::time::timeout(SOON, stream.next()).await.expect("it ends in time");
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test]
async fn a_person_may_watch_ten_times_at_once_and_again_when_one_has_gone() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let door = world.serve().await;
    let mut watcher = client(&world, &door, user);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(watch(&mut watcher, "").await);
    }
    let request = WatchNotificationsRequest::default();
    let refused = watcher.watch_notifications(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    streams.pop();
    eventually("a free place", SOON, async || {
        let mut watcher = watcher.clone();
        tokio::time::timeout(Duration::from_secs(5), watcher.watch_notifications(request.clone())).await.ok()?.ok()
    })
    .await;
}

#[tokio::test]
async fn who_may_not_watch_or_asks_nonsense_is_refused() {
    let world = World::new().await;
    let door = world.serve().await;
    let mut visitor = Client::new(door.to(world.fleet.visitor()));
    let refused = visitor.watch_notifications(WatchNotificationsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let request = WatchNotificationsRequest { after_notification_id: "42".to_owned() };
    let refused = client(&world, &door, Uuid::new_v4()).watch_notifications(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
