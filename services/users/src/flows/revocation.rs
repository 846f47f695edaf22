//! A part of several verbs: the gateway is told which sessions ended, because their access tokens are still out.

use time::{Duration, OffsetDateTime};

use crate::{app::App, domain::id::SessionId, error::Result};

/// Clocks of other machines may be behind ours by this much.
const SKEW: Duration = Duration::minutes(1);

/// For how long the token of an ended session could still be believed.
pub(super) fn remembered(app: &App) -> Duration {
    app.keyring.lifetime() + SKEW
}

/// Publishes sessions that ended at `ended_at`; call it after the commit.
///
/// Redis may be down: then the job `repair-revocations` publishes them from the database, which is the truth.
pub(super) async fn publish(app: &App, sessions: &[SessionId], ended_at: OffsetDateTime) {
    for session in sessions {
        if let Err(error) = publish_one(app, *session, ended_at).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                %session,
                "The end of session {session} could not be published yet; its access token may work for some more minutes."
            );
        }
    }
}

/// Publishes one session.
pub(super) async fn publish_one(app: &App, session: SessionId, ended_at: OffsetDateTime) -> Result<(), cache::Down> {
    app.cache.revoke(session.uuid(), ended_at + remembered(app)).await
}
