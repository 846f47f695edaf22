use proto::lyceum::notifications::v1::{
    Delivery, ListDeliveriesRequest, delivery::State, delivery_service_client::DeliveryServiceClient,
    notification::Kind,
};
use tonic::{Code, Status};
use uuid::Uuid;
use values::Clock;

use crate::helpers::World;
use crate::sink::Answer;

async fn list(world: &World, request: ListDeliveriesRequest, permissions: &[&str]) -> Result<Vec<Delivery>, Status> {
    let door = world.serve().await;
    let mut client = DeliveryServiceClient::new(door.to(world.fleet.person(Uuid::new_v4(), permissions)));
    Ok(client.list_deliveries(request).await?.into_inner().deliveries)
}

const SUPPORT: [&str; 1] = ["deliveries.read"];

#[tokio::test]
async fn support_sees_whether_mails_were_sent_and_not_what_they_say() {
    let world = World::new().await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    world.knows(user, "en").await;
    world.knows(other, "en").await;
    world.sink.will([Answer::Refuse]);
    let sending = world.send();
    world.tell(user).await;
    world.expect_delivery("failed").await;
    sending.stopped().await;
    world.clock.advance(time::Duration::SECOND);
    world.tell(other).await;

    let all = list(&world, ListDeliveriesRequest::default(), &SUPPORT).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].state(), all[1].state()), (State::Queued, State::Failed));
    assert_eq!((all[1].kind(), &*all[1].masked_address), (Kind::PasswordChanged, "a***@example.org"));
    assert_eq!((all[1].attempts, all[1].reason.as_deref()), (1, Some("SMTP_550")));
    assert!(all[1].finished_at.is_some() && all[1].next_attempt_at.is_none());
    assert!(!format!("{all:?}").contains("Anna"));

    let of_user = ListDeliveriesRequest { user_id: user.to_string(), ..ListDeliveriesRequest::default() };
    assert_eq!(list(&world, of_user, &SUPPORT).await.unwrap()[0].user_id, user.to_string());
    let queued = ListDeliveriesRequest { state: State::Queued.into(), ..ListDeliveriesRequest::default() };
    assert_eq!(list(&world, queued, &SUPPORT).await.unwrap()[0].user_id, other.to_string());

    let of_kind = |kind: Kind| ListDeliveriesRequest { kind: kind.into(), ..ListDeliveriesRequest::default() };
    assert_eq!(list(&world, of_kind(Kind::PasswordChanged), &SUPPORT).await.unwrap().len(), 2);
    assert_eq!(list(&world, of_kind(Kind::OrderPaid), &SUPPORT).await.unwrap().len(), 0);
    let second = all[0].created_at;
    let later = ListDeliveriesRequest { created_from: second, ..ListDeliveriesRequest::default() };
    assert_eq!(list(&world, later, &SUPPORT).await.unwrap()[0].user_id, other.to_string());
    let before = ListDeliveriesRequest { created_before: second, ..ListDeliveriesRequest::default() };
    assert_eq!(list(&world, before, &SUPPORT).await.unwrap()[0].user_id, user.to_string());
}

#[tokio::test]
async fn only_who_has_the_permission_sees_deliveries() {
    let world = World::new().await;
    let refused = list(&world, ListDeliveriesRequest::default(), &["users.read"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let world = World::new().await;
    let request = ListDeliveriesRequest { user_id: "anna".to_owned(), state: 99, ..ListDeliveriesRequest::default() };
    let problem = rpc::Problem::from(&list(&world, request, &SUPPORT).await.unwrap_err());
    let fields: Vec<_> = problem.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["user_id", "state"]);
}

#[tokio::test]
async fn mail_that_is_due_and_not_begun_is_overdue() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let due_since = async || {
        let mut conn = world.app.db.acquire().await.unwrap();
        notifications::store::deliveries::due_since(&mut conn, world.clock.now()).await.unwrap()
    };
    assert_eq!(due_since().await, None);
    world.tell(user).await;
    assert!(due_since().await.is_some());
    notifications::flows::measure::run(&world.app).await.unwrap();
    let sending = world.send();
    world.expect_delivery("sent").await;
    sending.stopped().await;
    assert_eq!(due_since().await, None);
}
