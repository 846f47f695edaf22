//! Reports as files. A page of rows is read when its reader wants it and is written out before the next one: whatever the
//! length, one page is in memory, and no connection is held between pages. A reader that leaves ends it by not asking again.

use std::{collections::VecDeque, sync::Arc};

use futures::{Stream, stream};
use sqlx::PgConnection;
use values::Currency;

use super::csv::Csv;
use crate::{
    app::App,
    domain::{
        activity,
        calendar::{Granularity, Span},
        revenue,
    },
    error::Error,
    store::reports::{
        self,
        export::{self, AT_ONCE, Place},
    },
};

/// The largest piece of a file that is sent at once.
const CHUNK: usize = 32 * 1024;

const CONTENT_TYPE: &str = "text/csv; charset=utf-8";

/// Which report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, values::Named)]
pub enum Report {
    Revenue,
    Orders,
    Enrolments,
    ActiveLearners,
    Events,
}

impl Report {
    const fn header(self) -> &'static [&'static str] {
        match self {
            Self::Revenue => &[
                "day",
                "currency",
                "gross_minor",
                "refunds_minor",
                "net_minor",
                "orders",
                "refunds",
                "average_order_minor",
            ],
            Self::Orders => &[
                "order_id",
                "number",
                "buyer_id",
                "currency",
                "total_minor",
                "placed_at",
                "paid_at",
                "refunded_minor",
                "enrolled_at",
                "first_lesson_at",
            ],
            Self::Enrolments => &[
                "enrolment_id",
                "learner_id",
                "run_id",
                "course_title",
                "order_id",
                "started_at",
                "lessons_completed",
                "first_lesson_at",
                "completed_at",
                "ended_at",
            ],
            Self::ActiveLearners => &["day", "learners"],
            Self::Events => {
                &["event_id", "type", "aggregate_type", "aggregate_id", "aggregate_version", "occurred_at", "actor"]
            }
        }
    }
}

/// A piece of a file. Only the first one says what the file is.
#[derive(Debug, Default)]
pub struct Piece {
    pub content_type: &'static str,
    pub file_name: String,
    pub data: Vec<u8>,
}

/// A file that is being written.
#[derive(Debug)]
pub struct File {
    app: Arc<App>,
    report: Report,
    span: Span,
    currency: Currency,
    csv: Csv,
    /// Behind the last row that was written; none when there are no more.
    place: Option<Place>,
    /// Pieces of the page that was written last.
    ready: VecDeque<Piece>,
}

impl File {
    pub fn new(app: Arc<App>, report: Report, span: Span, currency: Currency) -> Self {
        let (csv, place) = (Csv::new(report.header()), Some(Place::before(span.from)));
        Self { app, report, span, currency, csv, place, ready: VecDeque::new() }
    }

    /// The pieces of the file. The first one has its name, and at least the header.
    pub fn pieces(mut self) -> impl Stream<Item = Result<Piece, Error>> + Send {
        let first = Piece {
            content_type: CONTENT_TYPE,
            file_name: format!(
                "lyceum-{}-{}-{}.csv",
                self.report.as_str().replace('_', "-"),
                self.span.from,
                self.span.to
            ),
            data: self.csv.take(),
        };
        self.ready.push_back(first);
        stream::try_unfold(self, |mut file| async move {
            while file.ready.is_empty() && file.place.is_some() {
                file.write_page().await?;
            }
            Ok(file.ready.pop_front().map(|piece| (piece, file)))
        })
    }

    async fn write_page(&mut self) -> Result<(), Error> {
        let Some(after) = self.place.take() else { return Ok(()) };
        let mut conn = self.app.db.acquire().await?;
        self.place = match self.report {
            Report::Revenue => self.revenue(&mut conn).await?,
            Report::Orders => self.orders(&mut conn, after).await?,
            Report::Enrolments => self.enrolments(&mut conn, after).await?,
            Report::ActiveLearners => self.active_learners(&mut conn).await?,
            Report::Events => self.events(&mut conn, after).await?,
        };
        let written = self.csv.take();
        let chunks = written.chunks(CHUNK).map(|data| Piece { data: data.to_vec(), ..Piece::default() });
        self.ready.extend(chunks);
        Ok(())
    }

    /// A row a day at most five years long: a page of its own.
    async fn revenue(&mut self, conn: &mut PgConnection) -> Result<Option<Place>, Error> {
        let days = reports::revenue::days(conn, self.currency, self.span).await?;
        let rows = revenue::by_period(&days, self.span, Granularity::Day);
        for (day, row) in rows? {
            self.csv.text(&day.to_string()).text(self.currency.as_str()).number(row.gross).number(row.refunded);
            self.csv.number(row.net()).number(row.orders).number(row.refunds).number_if(row.average_order()).end();
        }
        Ok(None)
    }

    async fn active_learners(&mut self, conn: &mut PgConnection) -> Result<Option<Place>, Error> {
        let gaps = reports::activity::gaps(conn, self.span).await?;
        for (day, learners) in activity::by_period(&gaps, self.span, Granularity::Day) {
            self.csv.text(&day.to_string()).number(learners).end();
        }
        Ok(None)
    }

    async fn orders(&mut self, conn: &mut PgConnection, after: Place) -> Result<Option<Place>, Error> {
        let rows = export::orders(conn, self.span, after).await?;
        for row in &rows {
            self.csv.id(row.order_id).text(&row.number).id(row.buyer_id).text(&row.currency).number(row.total_minor);
            self.csv.instant_if(Some(row.placed_at)).instant_if(row.paid_at).number(row.refunded_minor);
            self.csv.instant_if(row.enrolled_at).instant_if(row.first_lesson_at).end();
        }
        Ok(next(&rows, |row| Place { day: row.placed_day, at: row.placed_at, id: row.order_id }))
    }

    async fn enrolments(&mut self, conn: &mut PgConnection, after: Place) -> Result<Option<Place>, Error> {
        let rows = export::enrolments(conn, self.span, after).await?;
        for row in &rows {
            self.csv.id(row.enrolment_id).id(row.learner_id).id(row.run_id).text(row.title.as_deref().unwrap_or(""));
            self.csv.id_if(row.order_id).instant_if(Some(row.started_at)).number(row.lessons_completed);
            self.csv.instant_if(row.first_lesson_at).instant_if(row.completed_at).instant_if(row.ended_at).end();
        }
        Ok(next(&rows, |row| Place { day: row.started_day, at: row.started_at, id: row.enrolment_id }))
    }

    async fn events(&mut self, conn: &mut PgConnection, after: Place) -> Result<Option<Place>, Error> {
        let rows = export::events(conn, self.span, after).await?;
        for row in &rows {
            self.csv.id(row.event_id).text(&row.kind).text(&row.aggregate_type).id(row.aggregate_id);
            self.csv.number(row.aggregate_version).instant_if(Some(row.occurred_at)).text(&row.actor).end();
        }
        Ok(next(&rows, |row| Place { day: after.day, at: row.occurred_at, id: row.event_id }))
    }
}

/// Where the next page begins; nowhere after one that was not full.
fn next<T>(rows: &[T], place: impl Fn(&T) -> Place) -> Option<Place> {
    let full = i64::try_from(rows.len()) == Ok(AT_ONCE);
    rows.last().filter(|_| full).map(place)
}
