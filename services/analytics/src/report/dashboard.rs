//! The figures of the first page, from sixty days that are read once.

use sqlx::PgConnection;
use time::Date;
use values::Currency;

use crate::{
    domain::{
        activity::{self, Gap},
        calendar::Span,
        revenue::{self, Revenue, TooMuch},
    },
    store::reports::{self, dashboard::Counts},
};

const WEEK: u16 = 7;
const MONTH: u16 = 30;

/// The days that the figures are sums of.
#[derive(Debug)]
pub struct Days {
    today: Date,
    revenue: Vec<(Date, Revenue)>,
    counts: Vec<Counts>,
    gaps: Vec<Gap>,
}

/// The figures of one period.
#[derive(Debug, Clone)]
pub struct Figures {
    pub revenue: Revenue,
    pub registrations: i64,
    pub enrolments: i64,
    pub completions: i64,
    pub active_learners: i64,
    pub certificates: i64,
}

impl Days {
    pub async fn read(conn: &mut PgConnection, currency: Currency, today: Date) -> Result<Self, sqlx::Error> {
        let span = Span::ending(today, MONTH * 2);
        Ok(Self {
            today,
            revenue: reports::revenue::days(conn, currency, span).await?,
            counts: reports::dashboard::counts(conn, span).await?,
            gaps: reports::activity::gaps(conn, span).await?,
        })
    }

    /// Today, the last 7 and 30 days, and the 30 days before those.
    pub fn periods(&self) -> Result<[Figures; 4], TooMuch> {
        let month = Span::ending(self.today, MONTH);
        let before = Span::ending(month.from.previous_day().unwrap_or(Date::MIN), MONTH);
        let figures = |span| self.figures(span);
        Ok([
            figures(Span::ending(self.today, 1))?,
            figures(Span::ending(self.today, WEEK))?,
            figures(month)?,
            figures(before)?,
        ])
    }

    fn figures(&self, span: Span) -> Result<Figures, TooMuch> {
        let sum = |of: fn(&Counts) -> i64| -> i64 {
            self.counts.iter().filter(|counts| span.contains(counts.day)).map(of).sum()
        };
        Ok(Figures {
            revenue: revenue::total(&self.revenue, span)?,
            registrations: sum(|counts| counts.registrations),
            enrolments: sum(|counts| counts.enrolments),
            completions: sum(|counts| counts.completions),
            active_learners: activity::different(&self.gaps, span),
            certificates: sum(|counts| counts.certificates),
        })
    }
}
