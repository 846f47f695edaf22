//! Values as messages.

use contract::wire;
use proto::lyceum::notifications::v1 as pb;

use crate::{
    domain::delivery::{State, masked},
    store::{attempts, bounces, deliveries, notices},
};

pub(super) fn unread(unread: i64) -> pb::UnreadNotificationCount {
    pb::UnreadNotificationCount { unread: i32::try_from(unread).unwrap_or(i32::MAX) }
}

pub(super) fn notification(notice: notices::Shown) -> pb::Notification {
    pb::Notification {
        notification_id: notice.id.to_string(),
        kind: wire::<pb::notification::Kind>(notice.kind),
        title: notice.title,
        text: notice.text,
        resource: Some(notice.resource).filter(|resource| !resource.is_empty()),
        created_at: Some(notice.created_at.into()),
        read_at: notice.read_at.map(Into::into),
    }
}

pub(super) fn delivery(delivery: &deliveries::Shown) -> pb::Delivery {
    pb::Delivery {
        delivery_id: delivery.id.to_string(),
        user_id: delivery.recipient.to_string(),
        kind: wire::<pb::notification::Kind>(delivery.kind),
        masked_address: masked(&delivery.address),
        state: wire::<pb::delivery::State>(delivery.state),
        attempts: delivery.attempts,
        reason: Some(delivery.reason.clone()).filter(|reason| !reason.is_empty()),
        created_at: Some(delivery.created_at.into()),
        next_attempt_at: delivery.next_attempt_at.map(Into::into),
        finished_at: delivery.finished_at.map(Into::into),
    }
}

/// A try that nobody wrote an end of lasts still, or its sender died.
pub(super) fn attempt(delivery: &deliveries::Shown, tried: attempts::Shown) -> pb::DeliveryAttempt {
    let lasts = delivery.state == State::Sending && tried.number == delivery.attempts;
    let open = if lasts { "UNDER_WAY" } else { "LOST" };
    pb::DeliveryAttempt {
        number: tried.number,
        started_at: Some(tried.started_at.into()),
        duration_ms: tried.duration_ms,
        outcome: tried.outcome.unwrap_or_else(|| open.to_owned()),
    }
}

pub(super) fn bounced(bounce: bounces::Shown) -> pb::BouncedAddress {
    pb::BouncedAddress {
        user_id: bounce.recipient_id.to_string(),
        masked_address: masked(&bounce.address),
        reason: bounce.reason,
        bounced_at: Some(bounce.bounced_at.into()),
    }
}
