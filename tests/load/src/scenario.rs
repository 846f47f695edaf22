//! The scenarios by name, and the course that several of them learn in.

mod announcing;
mod catalogue;
mod course;
mod heartbeat;
mod orders;
mod outline;
mod sign_in;
mod start;

use anyhow::Result;

use crate::{dashboard, fleet::Fleet, ingestion, report::Report};

/// A question that is put to the fleet and to the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// How fast services start, and what they hold when nobody asks anything.
    Start,
    /// The public catalogue page.
    Catalogue,
    /// The outline of a course of 100 lessons with its rules, as an enrolled learner sees it.
    Outline,
    /// What a video player reports.
    Heartbeat,
    /// From the payer's card to the access, at 50 orders a second.
    Orders,
    /// Many transactions at once, each of which announces an event.
    Announcing,
    /// Many people sign in while others read.
    SignIn,
    /// From confirmed publishing until events can be queried.
    Ingestion,
    /// The manager's dashboard over five million events.
    Dashboard,
}

impl Scenario {
    /// All of them; the one that measures idle memory comes first.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Catalogue,
        Self::Outline,
        Self::Heartbeat,
        Self::Orders,
        Self::Announcing,
        Self::SignIn,
        Self::Ingestion,
        Self::Dashboard,
    ];

    /// Runs it.
    pub async fn run(self, fleet: &Fleet) -> Result<Report> {
        match self {
            Self::Start => start::run(fleet).await,
            Self::Catalogue => catalogue::run(fleet).await,
            Self::Outline => outline::run(fleet).await,
            Self::Heartbeat => heartbeat::run(fleet).await,
            Self::Orders => orders::run(fleet).await,
            Self::Announcing => announcing::run(fleet).await,
            Self::SignIn => sign_in::run(fleet).await,
            Self::Ingestion => {
                let watched = fleet.processes(&["analytics", "rabbitmq", "postgres"])?;
                ingestion::run(fleet.broker_url().as_str(), &fleet.database("analytics").await?, &watched).await
            }
            Self::Dashboard => dashboard::run(fleet).await,
        }
    }
}
