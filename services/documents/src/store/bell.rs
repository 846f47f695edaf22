//! The bell that rings when a transaction with news commits, so that nobody has to look every few milliseconds.

use std::time::Duration;

use pg::Pool;
use sqlx::postgres::PgListener;

/// How long a bell that is not heard costs at most; retries, which ring no bell, wait as long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Listens on one channel.
pub struct Bell {
    pool: Pool,
    channel: &'static str,
    listener: Option<PgListener>,
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bell").field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl Bell {
    pub fn new(pool: Pool, channel: &'static str) -> Self {
        Self { pool, channel, listener: None }
    }

    /// Returns when it rings, and after a second at the latest. A database that is down only makes it deaf.
    pub async fn rings(&mut self) {
        match tokio::time::timeout(LOOK_EVERY, Self::hear(&self.pool, self.channel, &mut self.listener)).await {
            // Many rings are one.
            Ok(Ok(())) => while self.listener.as_mut().is_some_and(|listener| listener.next_buffered().is_some()) {},
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "The bell is not heard for a while.");
                self.listener = None;
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(_) => {}
        }
    }

    async fn hear(pool: &Pool, channel: &'static str, listener: &mut Option<PgListener>) -> Result<(), sqlx::Error> {
        let Some(listener) = listener else {
            let mut new = PgListener::connect_with(pool).await?;
            new.listen(channel).await?;
            *listener = Some(new);
            // What was committed before we listened has rung in vain.
            return Ok(());
        };
        listener.try_recv().await?;
        Ok(())
    }
}
