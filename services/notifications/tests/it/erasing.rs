use proto::lyceum::events::v1::UserErased;
use uuid::Uuid;

use crate::helpers::{World, about, order_paid, password_changed, profile_changed};

fn user_erased(user: Uuid, version: i64) -> bus::Event {
    about(user, version, &UserErased { user_id: user.to_string() })
}

#[tokio::test]
async fn an_erased_person_leaves_nothing_but_the_id_and_others_stay() {
    let world = World::new().await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    let _hearing = world.hear();
    for event in [profile_changed(user, 1, "en"), profile_changed(other, 1, "en")] {
        world.announce(event).await;
    }
    world.expect_heard(2).await;
    for event in [order_paid(user), password_changed(user), order_paid(other)] {
        world.announce(event).await;
    }
    world.expect_heard(5).await;
    world.announce(user_erased(user, 9)).await;
    world.expect_heard(6).await;
    assert_eq!(world.count("select count(*) from recipients where email = '' and display_name = ''").await, 1);
    assert_eq!(world.count("select count(*) from recipients where email <> ''").await, 1);
    assert_eq!(world.count("select count(*) from notices").await, 1);
    assert_eq!(world.count("select count(*) from deliveries").await, 1);
}

#[tokio::test]
async fn late_events_do_not_bring_an_erased_person_back() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    let _hearing = world.hear();
    // Erased before anything else was heard of the person.
    world.announce(user_erased(user, 9)).await;
    world.expect_heard(1).await;
    for event in [profile_changed(user, 1, "en"), profile_changed(user, 12, "en"), order_paid(user)] {
        world.announce(event).await;
    }
    world.expect_heard(4).await;
    assert_eq!(world.count("select count(*) from recipients where erased_at is not null and email = ''").await, 1);
    assert_eq!(world.count("select count(*) from notices").await, 0);
    assert_eq!(world.count("select count(*) from deliveries").await, 0);
}
