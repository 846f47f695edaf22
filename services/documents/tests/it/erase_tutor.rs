//! A tutor who is erased: states stay, what was shown and said goes.

use documents::flows::erase_tutor;
use proto::lyceum::documents::v1::{PaperKind, verification_case::State};
use time::macros::datetime;
use uuid::Uuid;
use values::{Clock, Id};

use crate::desk::{Desk, reason};

async fn erase(desk: &Desk, tutor: Uuid) {
    let conn = &mut *desk.db.pool.acquire().await.unwrap();
    erase_tutor::run(conn, Id::from_uuid(tutor), desk.clock.now()).await.unwrap();
}

#[tokio::test]
async fn an_erased_tutor_keeps_pseudonymous_cases_and_nothing_else() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    desk.verified(tutor, PaperKind::Education, "").await;
    let identity = desk.verified(tutor, PaperKind::Identity, "2026-06-30").await;
    let rejected = desk.submit(tutor, PaperKind::TaxStatus, "").await;
    desk.reject(Uuid::new_v4(), &rejected, "UNREADABLE").await.unwrap();
    let open = desk.submit(tutor, PaperKind::TaxStatus, "").await;
    let other = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let before = desk.announced().await.len();

    erase(&desk, tutor).await;
    erase(&desk, tutor).await;

    assert_eq!(desk.look(&open).await.state(), State::Withdrawn);
    for (case, state) in [(&identity, State::Verified), (&rejected, State::Rejected)] {
        let case = desk.look(case).await;
        assert_eq!((case.state(), case.comment, case.file_ids.len()), (state, None, 0));
        assert!(case.history.iter().all(|entry| entry.detail.is_none()));
    }
    assert_eq!(desk.look(&other).await.file_ids.len(), 1, "others are left alone");
    let file = identity.file_ids[0].parse().unwrap();
    let conn = &mut *desk.db.pool.acquire().await.unwrap();
    assert!(!documents::store::cases::uses_file(conn, file).await.unwrap(), "the file may go");
    assert!(documents::store::cases::uses_file(conn, other.file_ids[0].parse().unwrap()).await.unwrap());

    // A token that lives for ten more minutes opens nothing, and nobody writes to somebody who is gone.
    assert_eq!(reason(desk.try_submit(tutor, PaperKind::Identity, "").await), "ACCOUNT_ERASED");
    desk.clock.set(datetime!(2026-06-25 09:00 UTC));
    desk.day_passes().await;
    desk.clock.set(datetime!(2026-07-25 09:00 UTC));
    desk.day_passes().await;
    assert_eq!(desk.announced().await.len(), before);
}

#[tokio::test]
async fn an_erasure_beside_a_submission_leaves_nothing_open() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let (submitted, ()) =
        tokio::join!(desk.try_submit(tutor, PaperKind::Identity, ""), erase_in_transaction(&desk, tutor));
    let open: i64 = sqlx::query_scalar("select count(*) from verification_cases where state = 'in_review'")
        .fetch_one(&desk.db.pool)
        .await
        .unwrap();
    assert_eq!(open, 0, "{submitted:?}");
}

async fn erase_in_transaction(desk: &Desk, tutor: Uuid) {
    pg::transaction(&desk.db.pool, async |conn| erase_tutor::run(conn, Id::from_uuid(tutor), desk.clock.now()).await)
        .await
        .unwrap();
}
