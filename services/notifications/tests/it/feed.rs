use proto::lyceum::notifications::v1::{
    GetUnreadNotificationCountRequest, ListNotificationsRequest, ListNotificationsResponse,
    MarkAllNotificationsReadRequest, MarkNotificationReadRequest, notification::Kind,
    notification_service_client::NotificationServiceClient,
};
use rpc::Problem;
use testkit::Served;
use time::Duration;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::helpers::World;

type Client = NotificationServiceClient<auth::Channel>;

fn client(world: &World, door: &Served, user: Uuid) -> Client {
    Client::new(door.to(world.person(user)))
}

/// Somebody with so many notifications, a minute apart.
async fn told(world: &World, times: usize) -> Uuid {
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    for _ in 0..times {
        world.tell(user).await;
        world.clock.advance(Duration::SECOND);
    }
    user
}

async fn list(client: &mut Client, request: ListNotificationsRequest) -> Result<ListNotificationsResponse, Status> {
    Ok(client.list_notifications(request).await?.into_inner())
}

async fn unread(client: &mut Client) -> i32 {
    client.get_unread_notification_count(GetUnreadNotificationCountRequest {}).await.unwrap().into_inner().unread
}

#[tokio::test]
async fn a_person_pages_through_their_own_notifications_newest_first() {
    let world = World::new().await;
    let user = told(&world, 5).await;
    told(&world, 2).await;
    let door = world.serve().await;
    let mut client = client(&world, &door, user);
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListNotificationsRequest { page_size: 2, page_token, unread_only: false };
        let page = list(&mut client, request).await.unwrap();
        assert!(page.notifications.len() <= 2);
        seen.extend(page.notifications);
        page_token = page.next_page_token.unwrap_or_default();
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by_key(|notice| std::cmp::Reverse(notice.created_at.unwrap().seconds)));
    assert_eq!((seen[0].kind(), &*seen[0].title), (Kind::PasswordChanged, "Your password was changed"));
    assert!(seen.iter().all(|notice| notice.read_at.is_none() && !notice.text.is_empty()));
}

#[tokio::test]
async fn reading_one_leaves_the_others_unread_and_happens_once() {
    let world = World::new().await;
    let user = told(&world, 3).await;
    let door = world.serve().await;
    let mut client = client(&world, &door, user);
    let all = list(&mut client, ListNotificationsRequest::default()).await.unwrap().notifications;
    let request = || MarkNotificationReadRequest { notification_id: all[1].notification_id.clone() };
    let first = client.mark_notification_read(request()).await.unwrap().into_inner();
    assert!(first.read_at.is_some());
    world.clock.advance(Duration::MINUTE);
    let second = client.mark_notification_read(request()).await.unwrap().into_inner();
    assert_eq!(second.read_at, first.read_at, "the first reading counts");
    assert_eq!(unread(&mut client).await, 2);
    let filter = ListNotificationsRequest { unread_only: true, ..ListNotificationsRequest::default() };
    let left = list(&mut client, filter).await.unwrap().notifications;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|notice| notice.notification_id != all[1].notification_id));
}

#[tokio::test]
async fn reading_all_spares_what_came_after_the_newest_that_was_seen() {
    let world = World::new().await;
    let user = told(&world, 3).await;
    let door = world.serve().await;
    let mut client = client(&world, &door, user);
    let seen = list(&mut client, ListNotificationsRequest::default()).await.unwrap().notifications;
    world.tell(user).await;
    let up_to_notification_id = Some(seen[0].notification_id.clone());
    let request = MarkAllNotificationsReadRequest { up_to_notification_id };
    assert_eq!(client.mark_all_notifications_read(request).await.unwrap().into_inner().unread, 1);
    let request = MarkAllNotificationsReadRequest::default();
    assert_eq!(client.mark_all_notifications_read(request).await.unwrap().into_inner().unread, 0);
    assert_eq!(unread(&mut client).await, 0);
}

#[tokio::test]
async fn nobody_sees_or_reads_what_another_person_was_told() {
    let world = World::new().await;
    let user = told(&world, 1).await;
    let door = world.serve().await;
    let mine = list(&mut client(&world, &door, user), ListNotificationsRequest::default()).await.unwrap();
    let notification_id = mine.notifications[0].notification_id.clone();
    let mut stranger = client(&world, &door, Uuid::new_v4());
    assert!(list(&mut stranger, ListNotificationsRequest::default()).await.unwrap().notifications.is_empty());
    assert_eq!(unread(&mut stranger).await, 0);
    let foreign = [(notification_id, "NOTIFICATION_NOT_FOUND"), (Uuid::new_v4().to_string(), "NOTIFICATION_NOT_FOUND")];
    for (id, reason) in foreign.into_iter().chain([("42".to_owned(), "INVALID")]) {
        let refused = stranger.mark_notification_read(MarkNotificationReadRequest { notification_id: id }).await;
        let problem = Problem::from(&refused.unwrap_err());
        assert_eq!(problem.reason, reason);
    }
    let request = MarkAllNotificationsReadRequest::default();
    stranger.mark_all_notifications_read(request).await.unwrap();
    assert_eq!(unread(&mut client(&world, &door, user)).await, 1);
    let mut visitor = Client::new(door.to(world.fleet.visitor()));
    let refused = list(&mut visitor, ListNotificationsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_bad_page_is_refused_with_every_mistake_named() {
    let world = World::new().await;
    let user = told(&world, 3).await;
    let door = world.serve().await;
    let mut client = client(&world, &door, user);
    let request = ListNotificationsRequest { page_size: -1, page_token: "nonsense".to_owned(), unread_only: false };
    let problem = Problem::from(&list(&mut client, request).await.unwrap_err());
    let fields: Vec<_> = problem.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["page_size", "page_token"]);
    // A token fits only the list that it came from.
    let request = ListNotificationsRequest { page_size: 1, ..ListNotificationsRequest::default() };
    let page_token = list(&mut client, request).await.unwrap().next_page_token.unwrap();
    let other = ListNotificationsRequest { page_size: 1, page_token, unread_only: true };
    assert_eq!(list(&mut client, other).await.unwrap_err().code(), Code::InvalidArgument);
}
