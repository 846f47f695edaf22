//! The door: questions become spans of days, figures become messages. What takes more than one query stands in `report`.

use std::{collections::HashMap, sync::Arc};

use contract::{Call, Streamed, analytics as asked, message, show};
use futures::{StreamExt, TryStreamExt};
use proto::lyceum::{analytics::v1 as pb, values::v1::FileChunk};
use rpc::Fields;
use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use time::Date;
use tonic::service::Routes;
use values::{Currency, Money};

use crate::{
    app::App,
    domain::{activity, calendar, id::RunId, revenue, share},
    error::{Error, Result},
    report::{dashboard, file},
    store::reports::{self, Basis, learning::Stop},
};

/// Years that reports of sums cover at most.
const FIVE_YEARS: i32 = 5;
/// Years that reports of people cover at most.
const TWO_YEARS: i32 = 2;

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(asked::report_service(Arc::new(Door(app))))
}

impl asked::Types for Door {
    type Error = Error;
    type Day = calendar::Day;
    type ExportReportReport = file::Report;
    type Granularity = calendar::Granularity;
}

impl Door {
    /// A connection, and what the figures that are read with it rest on.
    async fn open(&self) -> Result<(PoolConnection<Postgres>, Basis)> {
        let mut conn = self.0.db.acquire().await?;
        let basis = reports::basis(&mut conn, self.0.clock.now()).await?;
        Ok((conn, basis))
    }
}

impl asked::ReportService for Door {
    async fn get_dashboard(&self, _: Call, ask: asked::GetDashboard) -> Result<pb::Dashboard> {
        let currency = ask.currency.unwrap_or(Currency::RUB);
        let (mut conn, basis) = self.open().await?;
        let days = dashboard::Days::read(&mut conn, currency, basis.today).await?;
        let [today, week, month, month_before] = days.periods()?.map(|period| Some(figures(period, currency)));
        Ok(pb::Dashboard { today, week, month, month_before, about: about(basis, reports::dashboard::DEFINITION) })
    }

    async fn get_revenue_report(&self, _: Call, ask: asked::GetRevenueReport<Self>) -> Result<pb::RevenueReport> {
        let span = calendar::Span::new(ask.from.0, ask.to.0, FIVE_YEARS)?;
        let currency = ask.currency.unwrap_or(Currency::RUB);
        let (mut conn, basis) = self.open().await?;
        let days = reports::revenue::days(&mut conn, currency, span).await?;
        let rows = revenue::by_period(&days, span, ask.granularity.unwrap_or(calendar::Granularity::Day))?;
        Ok(pb::RevenueReport {
            about: about(basis, reports::revenue::DEFINITION),
            rows: rows.into_iter().map(|(start, row)| revenue_row(start, row, currency)).collect(),
            total: Some(revenue_row(span.from, revenue::total(&days, span)?, currency)),
        })
    }

    async fn get_sales_funnel(&self, _: Call, ask: asked::GetSalesFunnel<Self>) -> Result<pb::SalesFunnel> {
        let span = calendar::Span::new(ask.from.0, ask.to.0, FIVE_YEARS)?;
        let (mut conn, basis) = self.open().await?;
        let steps = share::funnel(reports::funnel::sales(&mut conn, span).await?.steps());
        Ok(pb::SalesFunnel { about: about(basis, reports::funnel::DEFINITION), steps: steps.map(show).into() })
    }

    async fn get_completion_funnel(&self, _: Call, ask: asked::GetCompletionFunnel) -> Result<pb::CompletionFunnel> {
        let (mut conn, basis) = self.open().await?;
        let title = title(&mut conn, ask.run_id).await?;
        let steps = share::funnel(reports::learning::completion(&mut conn, ask.run_id).await?.steps());
        let about = about(basis, reports::learning::COMPLETION);
        Ok(pb::CompletionFunnel { about, run_id: show(ask.run_id), title, steps: steps.map(show).into() })
    }

    async fn get_lesson_drop_off(&self, _: Call, ask: asked::GetLessonDropOff) -> Result<pb::LessonDropOff> {
        let (mut conn, basis) = self.open().await?;
        let title = title(&mut conn, ask.run_id).await?;
        let enrolled = reports::learning::enrolled(&mut conn, ask.run_id).await?;
        let stops = reports::learning::stops(&mut conn, ask.run_id).await?;
        let row = |stop: Stop| {
            message! { pb::LessonDropOffRow {
                lesson_id: stop.lesson, title: stop.title, required: stop.required, stopped_here: stop.stopped_here,
                completed: stop.completed, of_enrolled_basis_points: share::basis_points(stop.completed, enrolled),
            } }
        };
        let (about, rows) = (about(basis, reports::learning::DROP_OFF), stops.into_iter().map(row).collect());
        Ok(pb::LessonDropOff { about, run_id: show(ask.run_id), title, enrolled, rows })
    }

    async fn get_retention_report(&self, _: Call, ask: asked::GetRetentionReport<Self>) -> Result<pb::RetentionReport> {
        let mut fields = Fields::new();
        let span = fields.take("to", calendar::Span::new(ask.from.0, ask.to.0, TWO_YEARS));
        let by = fields.take("granularity", calendar::Granularity::of_cohorts(ask.granularity));
        let (span, by) = fields.finish((span, by))?;
        let (mut conn, basis) = self.open().await?;
        let cells = reports::retention::cells(&mut conn, span, by, basis.today).await?;
        let people: HashMap<_, _> = cells.into_iter().map(|cell| ((cell.cohort, cell.period), cell.people)).collect();
        let people = |cohort, period| people.get(&(cohort, period)).copied().unwrap_or(0);
        let begun = span.periods(by).into_iter().map(|period| period.start).filter(|start| *start <= basis.today);
        let rows = begun.map(|cohort| {
            let periods = calendar::Span { from: cohort, to: basis.today }.periods(by);
            let active = periods.iter().map(|period| people(cohort, Some(period.start))).collect();
            pb::RetentionRow { cohort: cohort.to_string(), size: people(cohort, None), active }
        });
        let rows = rows.collect();
        Ok(pb::RetentionReport { about: about(basis, reports::retention::DEFINITION), rows })
    }

    async fn get_active_learners(
        &self,
        _: Call,
        ask: asked::GetActiveLearners<Self>,
    ) -> Result<pb::ActiveLearnersReport> {
        let span = calendar::Span::new(ask.from.0, ask.to.0, TWO_YEARS)?;
        let (mut conn, basis) = self.open().await?;
        let gaps = reports::activity::gaps(&mut conn, span).await?;
        let rows = activity::by_period(&gaps, span, ask.granularity.unwrap_or(calendar::Granularity::Day)).into_iter();
        let rows = rows.map(|(start, learners)| pb::ActiveLearnersRow { period: start.to_string(), learners });
        Ok(pb::ActiveLearnersReport { about: about(basis, reports::activity::DEFINITION), rows: rows.collect() })
    }

    async fn export_report(&self, _: Call, ask: asked::ExportReport<Self>) -> Result<Streamed<FileChunk, Error>> {
        let span = calendar::Span::new(ask.from.0, ask.to.0, FIVE_YEARS)?;
        let file = file::File::new(Arc::clone(&self.0), ask.report, span, ask.currency.unwrap_or(Currency::RUB));
        Ok(file.pieces().map_ok(show).boxed())
    }
}

async fn title(conn: &mut PgConnection, run: RunId) -> Result<String> {
    reports::learning::title(conn, run).await?.ok_or(Error::RunNotFound)
}

fn about(basis: Basis, definition: &str) -> Option<pb::ReportAbout> {
    Some(message! { pb::ReportAbout { as_of: basis.as_of, definition: definition, time_zone: basis.zone } })
}

contract::show! {
    step: share::Step => pb::FunnelStep {
        name: step.name, count: step.count,
        of_first_basis_points: step.of_first, of_previous_basis_points: step.of_previous,
    }
    piece: file::Piece => FileChunk { content_type: piece.content_type, file_name = piece.file_name, data = piece.data }
}

fn figures(figures: dashboard::Figures, currency: Currency) -> pb::DashboardFigures {
    let money = |minor| Money::new(minor, currency);
    message! { pb::DashboardFigures {
        net_revenue: money(figures.revenue.net()), average_order: figures.revenue.average_order().map(money),
        orders_paid: figures.revenue.orders, registrations: figures.registrations, enrolments: figures.enrolments,
        completions: figures.completions, active_learners: figures.active_learners, certificates: figures.certificates,
    } }
}

fn revenue_row(start: Date, row: revenue::Revenue, currency: Currency) -> pb::RevenueRow {
    let money = |minor| Money::new(minor, currency);
    message! { pb::RevenueRow {
        period: start, gross: money(row.gross), refunds: money(row.refunded), net: money(row.net()),
        orders: row.orders, refund_count: row.refunds, average_order: row.average_order().map(money),
    } }
}
