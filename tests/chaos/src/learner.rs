//! One learner's way: order, pay, learn, get the certificate; patiently, whatever dies meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use people::{Course, Listener, Person, Step};
use proto::lyceum::courses::v1::enrolment::State;
use uuid::Uuid;

/// Who went the whole way.
#[derive(Debug, Clone)]
pub struct Graduate {
    pub user: Uuid,
    pub email: String,
    pub order: Uuid,
}

/// Counts what people did.
#[derive(Debug, Default)]
pub struct Steps(AtomicU64);

impl Steps {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Listener for Steps {
    fn done(&self, _: &Step<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The whole way.
pub async fn whole_way(learner: &Person, course: &Course) -> Result<Graduate> {
    let order = learner.buy(&course.product_id, "").await.context("buying")?;
    learner.become_enrolled(&course.run_id).await.context("the seat")?;
    learner.learn(&course.run_id, &course.key).await.context("learning")?;
    learner.enrolment_in(&course.run_id, State::Completed).await.context("the end of the course")?;
    learner.certificate(&course.run_id).await.context("the certificate")?;
    Ok(Graduate { user: learner.user_id.parse()?, email: learner.email.clone(), order: order.order_id.parse()? })
}
