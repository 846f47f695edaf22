//! Values as messages, and the enums of messages as values.

use proto::lyceum::notifications::v1::{
    BouncedAddress, Delivery, DeliveryAttempt, Notification, UnreadNotificationCount, delivery, notification,
};

use crate::{
    domain::{
        delivery::{State, masked},
        notice::Kind,
    },
    store::{attempts, bounces, deliveries, notices},
};

pub(super) fn count(unread: i64) -> UnreadNotificationCount {
    UnreadNotificationCount { unread: i32::try_from(unread).unwrap_or(i32::MAX) }
}

pub(super) fn notification(notice: notices::Shown) -> Notification {
    Notification {
        notification_id: notice.id.to_string(),
        kind: kind(notice.kind).into(),
        title: notice.title,
        text: notice.text,
        resource: notice.resource,
        created_at: Some(notice.created_at.into()),
        read_at: notice.read_at.map(Into::into),
    }
}

pub(super) fn delivery(delivery: &deliveries::Shown) -> Delivery {
    Delivery {
        delivery_id: delivery.id.to_string(),
        user_id: delivery.recipient.to_string(),
        kind: kind(delivery.kind).into(),
        masked_address: masked(&delivery.address),
        state: state_pb(delivery.state).into(),
        attempts: delivery.attempts,
        reason: delivery.reason.clone(),
        created_at: Some(delivery.created_at.into()),
        next_attempt_at: delivery.next_attempt_at.map(Into::into),
        finished_at: delivery.finished_at.map(Into::into),
    }
}

/// A try that nobody wrote an end of lasts still, or its sender died.
pub(super) fn attempt(delivery: &deliveries::Shown, tried: attempts::Shown) -> DeliveryAttempt {
    let lasts = delivery.state == State::Sending && tried.number == delivery.attempts;
    let open = if lasts { "UNDER_WAY" } else { "LOST" };
    DeliveryAttempt {
        number: tried.number,
        started_at: Some(tried.started_at.into()),
        duration_ms: tried.duration_ms.unwrap_or_default(),
        outcome: tried.outcome.unwrap_or_else(|| open.to_owned()),
    }
}

pub(super) fn bounced(bounce: bounces::Shown) -> BouncedAddress {
    BouncedAddress {
        user_id: bounce.recipient_id.to_string(),
        masked_address: masked(&bounce.address),
        reason: bounce.reason,
        bounced_at: Some(bounce.bounced_at.into()),
    }
}

pub(super) fn kind(kind: Kind) -> notification::Kind {
    match kind {
        Kind::ConfirmEmail => notification::Kind::ConfirmEmail,
        Kind::ResetPassword => notification::Kind::ResetPassword,
        Kind::OrderPaid => notification::Kind::OrderPaid,
        Kind::OrderRefunded => notification::Kind::OrderRefunded,
        Kind::PaymentFailed => notification::Kind::PaymentFailed,
        Kind::EnrolmentStarted => notification::Kind::EnrolmentStarted,
        Kind::CourseCompleted => notification::Kind::CourseCompleted,
        Kind::PasswordChanged => notification::Kind::PasswordChanged,
        Kind::SessionsRevoked => notification::Kind::SessionsRevoked,
        Kind::CertificateIssued => notification::Kind::CertificateIssued,
        Kind::CertificateRevoked => notification::Kind::CertificateRevoked,
        Kind::DocumentVerified => notification::Kind::DocumentVerified,
        Kind::DocumentRejected => notification::Kind::DocumentRejected,
        Kind::DocumentExpiring => notification::Kind::DocumentExpiring,
        Kind::DocumentExpired => notification::Kind::DocumentExpired,
        Kind::TutorVerified => notification::Kind::TutorVerified,
        Kind::TutorVerificationEnded => notification::Kind::TutorVerificationEnded,
        Kind::Digest => notification::Kind::Digest,
    }
}

/// The kind that is meant, if it is one.
pub(super) fn kind_of(number: i32) -> Option<Kind> {
    let meant = notification::Kind::try_from(number).ok()?;
    Kind::ALL.into_iter().find(|known| kind(*known) == meant)
}

fn state_pb(state: State) -> delivery::State {
    match state {
        State::Queued => delivery::State::Queued,
        State::Sending => delivery::State::Sending,
        State::Sent => delivery::State::Sent,
        State::Failed => delivery::State::Failed,
        State::GaveUp => delivery::State::GaveUp,
        State::Suppressed => delivery::State::Suppressed,
    }
}

/// The state that is asked for; all of them where none is named.
pub(super) fn state(number: i32) -> Result<Option<State>, &'static str> {
    let asked = delivery::State::try_from(number).map_err(|_| "expected a state")?;
    Ok(State::ALL.into_iter().find(|state| state_pb(*state) == asked))
}
