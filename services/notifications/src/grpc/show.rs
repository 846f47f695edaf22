//! Values as messages.

use contract::{given, message};
use proto::lyceum::notifications::v1 as pb;

use crate::{
    domain::{
        delivery::{State, masked},
        hours::{DigestTimes, Every, QuietHours},
        notice::Kind,
        preference::{Channel, Preferences, Rule, Timing},
    },
    store::{attempts, bounces, deliveries, notices},
};

contract::twins! {
    Channel => pb::Channel, Every => pb::digest::Every, Kind => pb::notification::Kind, State => pb::delivery::State,
    Timing => pb::preference_rule::Timing,
}

contract::show! {
    notice: notices::Shown => pb::Notification {
        notification_id: notice.id, kind: notice.kind, title: notice.title, text: notice.text,
        resource: given(notice.resource), created_at: notice.created_at, read_at: notice.read_at,
    }
    delivery: &deliveries::Shown => pb::Delivery {
        delivery_id: delivery.id, user_id: delivery.recipient, kind: delivery.kind, state: delivery.state,
        masked_address: masked(&delivery.address), attempts: delivery.attempts, reason: given(&delivery.reason),
        created_at: delivery.created_at, next_attempt_at: delivery.next_attempt_at, finished_at: delivery.finished_at,
    }
    bounce: bounces::Shown => pb::BouncedAddress {
        user_id: bounce.recipient_id, masked_address: masked(&bounce.address), reason: bounce.reason,
        bounced_at: bounce.bounced_at,
    }
    preferences: Preferences => pb::NotificationPreferences {
        rules: preferences.rules(), quiet_hours: preferences.quiet, digest: preferences.digest,
    }
    rule: Rule => pb::PreferenceRule { kind: rule.kind, channel: rule.channel, timing: rule.timing }
    quiet: QuietHours => pb::QuietHours { from: quiet.from(), to: quiet.to() }
    digest: DigestTimes => pb::Digest { every: digest.every, at: Some(digest.at) }
}

pub(super) fn unread(unread: i64) -> pb::UnreadNotificationCount {
    pb::UnreadNotificationCount { unread: i32::try_from(unread).unwrap_or(i32::MAX) }
}

/// A try that nobody wrote an end of lasts still, or its sender died.
pub(super) fn attempt(delivery: &deliveries::Shown, tried: attempts::Shown) -> pb::DeliveryAttempt {
    let lasts = delivery.state == State::Sending && tried.number == delivery.attempts;
    let open = if lasts { "UNDER_WAY" } else { "LOST" };
    message! { pb::DeliveryAttempt {
        number: tried.number, started_at: tried.started_at, duration_ms: tried.duration_ms,
        outcome: tried.outcome.as_deref().unwrap_or(open),
    } }
}
