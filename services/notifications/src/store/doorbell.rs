//! The bell that a new delivery rings when its transaction commits, so that nobody has to look every few milliseconds.

use std::time::Duration;

use pg::Pool;
use sqlx::postgres::PgListener;

/// How long a bell that is not heard costs at most; retries, which ring no bell, wait as long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Listens for new deliveries.
pub struct Doorbell {
    pool: Pool,
    listener: Option<PgListener>,
}

impl std::fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doorbell").field("connected", &self.listener.is_some()).finish_non_exhaustive()
    }
}

impl Doorbell {
    pub fn new(pool: Pool) -> Self {
        Self { pool, listener: None }
    }

    /// Returns when it rings, and after a second at the latest. A database that is down only makes it deaf.
    pub async fn rings(&mut self) {
        let heard = tokio::time::timeout(LOOK_EVERY, Self::hear(&self.pool, &mut self.listener)).await;
        match heard {
            // Many rings are one.
            Ok(Ok(())) => while self.listener.as_mut().is_some_and(|listener| listener.next_buffered().is_some()) {},
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "The doorbell is not heard for a while.");
                self.listener = None;
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(_) => {}
        }
    }

    async fn hear(pool: &Pool, listener: &mut Option<PgListener>) -> Result<(), sqlx::Error> {
        if listener.is_none() {
            let mut new = PgListener::connect_with(pool).await?;
            new.listen("deliveries").await?;
            *listener = Some(new);
            // What was queued before we listened has rung in vain.
            return Ok(());
        }
        if let Some(listener) = listener {
            listener.try_recv().await?;
        }
        Ok(())
    }
}
