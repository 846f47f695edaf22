//! What is done about events: everything that is announced is kept and counted, in batches. Nothing is announced here.

use std::sync::Arc;

use bus::{BatchHandler, Failure};
use proto::lyceum::events::v1::Envelope;
use time::OffsetDateTime;

use crate::app::App;
use crate::domain::event::Incoming;
use crate::{flows, payload};

/// What the bus calls with everything that is announced.
#[derive(Debug)]
pub struct Ingest(pub Arc<App>);

impl BatchHandler for Ingest {
    type Item = Incoming;

    fn admit(&self, envelope: Envelope) -> Result<Incoming, String> {
        let event = payload::event(envelope).map_err(|bad| bad.to_string())?;
        event.check(self.0.clock.now(), self.0.kept_from()).map_err(|refused| refused.to_string())?;
        let fact = payload::fact(&event.kind, event.occurred_at, &event.payload).map_err(|bad| bad.to_string())?;
        Ok(Incoming { event, fact })
    }

    async fn apply(&self, incoming: &[Incoming], complete_until: Option<OffsetDateTime>) -> Result<(), Failure> {
        let new = flows::ingest::run(&self.0, incoming, complete_until).await?;
        let repeated = incoming.len().saturating_sub(new);
        metrics::counter!("analytics_events_total", "outcome" => "new").increment(new.try_into().unwrap_or_default());
        metrics::counter!("analytics_events_total", "outcome" => "repeated")
            .increment(repeated.try_into().unwrap_or_default());
        Ok(())
    }
}
