//! ReportService at the door.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use proto::lyceum::{
    analytics::v1::{
        ActiveLearnersReport, ActiveLearnersRow, CompletionFunnel, Dashboard, DashboardFigures, ExportReportRequest,
        FunnelStep, GetActiveLearnersRequest, GetCompletionFunnelRequest, GetDashboardRequest, GetLessonDropOffRequest,
        GetRetentionReportRequest, GetRevenueReportRequest, GetSalesFunnelRequest, LessonDropOff, LessonDropOffRow,
        ReportAbout, RetentionReport, RetentionRow, RevenueReport, RevenueRow, SalesFunnel,
        report_service_server::ReportService,
    },
    values::v1::{FileChunk, Money},
};
use rpc::Fields;
use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use time::Date;
use tonic::{Request, Response, Status};
use values::Currency;

use super::{Export, Wanted, read};
use crate::{
    app::App,
    domain::{
        activity::{self, Gap},
        calendar::{Granularity, Span},
        id::RunId,
        revenue::{self, Revenue},
        share::{Step, basis_points, funnel},
    },
    error::Error,
    store::reports::{self, Basis, dashboard::Counts},
};

/// Days of the dashboard's longer periods.
const WEEK: u16 = 7;
const MONTH: u16 = 30;

#[derive(Debug)]
pub(super) struct Door(pub(super) Arc<App>);

impl Door {
    /// A connection, and what the figures that are read with it rest on.
    async fn open(&self) -> Result<(PoolConnection<Postgres>, Basis), Error> {
        let mut conn = self.0.db.acquire().await?;
        let basis = reports::basis(&mut conn, self.0.clock.now()).await?;
        Ok((conn, basis))
    }
}

#[tonic::async_trait]
impl ReportService for Door {
    async fn get_dashboard(&self, request: Request<GetDashboardRequest>) -> Result<Response<Dashboard>, Status> {
        let mut fields = Fields::new();
        let currency = read::currency(&mut fields, &request.get_ref().currency);
        let (currency,) = fields.finish((currency,))?;

        let (mut conn, basis) = self.open().await?;
        let days = Days::read(&mut conn, currency, Span::ending(basis.today, MONTH * 2)).await?;
        let figures = |span| days.figures(currency, span).map(Some);
        let month = Span::ending(basis.today, MONTH);
        let before = month.from.previous_day().unwrap_or(Date::MIN);
        Ok(Response::new(Dashboard {
            today: figures(Span::ending(basis.today, 1))?,
            week: figures(Span::ending(basis.today, WEEK))?,
            month: figures(month)?,
            month_before: figures(Span::ending(before, MONTH))?,
            about: about(basis, reports::dashboard::DEFINITION),
        }))
    }

    async fn get_revenue_report(
        &self,
        request: Request<GetRevenueReportRequest>,
    ) -> Result<Response<RevenueReport>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let span = read::span(&mut fields, &m.from, &m.to, read::FIVE_YEARS);
        let by = read::granularity(&mut fields, m.granularity);
        let currency = read::currency(&mut fields, &m.currency);
        let (span, by, currency) = fields.finish((span, by, currency))?;

        let (mut conn, basis) = self.open().await?;
        let days = reports::revenue::days(&mut conn, currency, span).await.map_err(Error::from)?;
        let rows = revenue::by_period(&days, span, by).map_err(too_much)?;
        let total = revenue::total(&days, span).map_err(too_much)?;
        Ok(Response::new(RevenueReport {
            about: about(basis, reports::revenue::DEFINITION),
            rows: rows.into_iter().map(|(start, row)| revenue_row(start, row, currency)).collect(),
            total: Some(revenue_row(span.from, total, currency)),
        }))
    }

    async fn get_sales_funnel(&self, request: Request<GetSalesFunnelRequest>) -> Result<Response<SalesFunnel>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let span = read::span(&mut fields, &m.from, &m.to, read::FIVE_YEARS);
        let (span,) = fields.finish((span,))?;

        let (mut conn, basis) = self.open().await?;
        let sales = reports::funnel::sales(&mut conn, span).await.map_err(Error::from)?;
        let steps = funnel([
            ("ORDER_PLACED", sales.placed),
            ("ORDER_PAID", sales.paid),
            ("ENROLLED", sales.enrolled),
            ("FIRST_LESSON", sales.learnt),
        ]);
        let about = about(basis, reports::funnel::DEFINITION);
        Ok(Response::new(SalesFunnel { about, steps: steps.map(funnel_step).into() }))
    }

    async fn get_completion_funnel(
        &self,
        request: Request<GetCompletionFunnelRequest>,
    ) -> Result<Response<CompletionFunnel>, Status> {
        let run = read::run(&request.get_ref().run_id)?;
        let (mut conn, basis) = self.open().await?;
        let title = title(&mut conn, run).await?;
        let reached = reports::learning::completion(&mut conn, run).await.map_err(Error::from)?;
        let steps = funnel([
            ("ENROLLED", reached.enrolled),
            ("FIRST_LESSON", reached.first_lesson),
            ("QUARTER", reached.quarter),
            ("HALF", reached.half),
            ("THREE_QUARTERS", reached.three_quarters),
            ("COMPLETED", reached.completed),
        ]);
        Ok(Response::new(CompletionFunnel {
            about: about(basis, reports::learning::COMPLETION),
            run_id: run.to_string(),
            title,
            steps: steps.map(funnel_step).into(),
        }))
    }

    async fn get_lesson_drop_off(
        &self,
        request: Request<GetLessonDropOffRequest>,
    ) -> Result<Response<LessonDropOff>, Status> {
        let run = read::run(&request.get_ref().run_id)?;
        let (mut conn, basis) = self.open().await?;
        let title = title(&mut conn, run).await?;
        let enrolled = reports::learning::enrolled(&mut conn, run).await.map_err(Error::from)?;
        let stops = reports::learning::stops(&mut conn, run).await.map_err(Error::from)?;
        let rows = stops.into_iter().map(|stop| LessonDropOffRow {
            lesson_id: stop.lesson.to_string(),
            title: stop.title,
            required: stop.required,
            completed: stop.completed,
            of_enrolled_basis_points: basis_points(stop.completed, enrolled),
            stopped_here: stop.stopped_here,
        });
        let about = about(basis, reports::learning::DROP_OFF);
        Ok(Response::new(LessonDropOff { about, run_id: run.to_string(), title, enrolled, rows: rows.collect() }))
    }

    async fn get_retention_report(
        &self,
        request: Request<GetRetentionReportRequest>,
    ) -> Result<Response<RetentionReport>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let span = read::span(&mut fields, &m.from, &m.to, read::TWO_YEARS);
        let by = read::cohort(&mut fields, m.granularity);
        let (span, by) = fields.finish((span, by))?;

        let (mut conn, basis) = self.open().await?;
        let cells = reports::retention::cells(&mut conn, span, by, basis.today).await.map_err(Error::from)?;
        let people: HashMap<_, _> = cells.into_iter().map(|cell| ((cell.cohort, cell.period), cell.people)).collect();
        let people = |cohort, period| people.get(&(cohort, period)).copied().unwrap_or(0);
        let begun = span.periods(by).into_iter().map(|period| period.start).filter(|start| *start <= basis.today);
        let rows = begun.map(|cohort| {
            let periods = Span { from: cohort, to: basis.today }.periods(by);
            RetentionRow {
                cohort: cohort.to_string(),
                size: people(cohort, None),
                active: periods.iter().map(|period| people(cohort, Some(period.start))).collect(),
            }
        });
        let rows = rows.collect();
        Ok(Response::new(RetentionReport { about: about(basis, reports::retention::DEFINITION), rows }))
    }

    async fn get_active_learners(
        &self,
        request: Request<GetActiveLearnersRequest>,
    ) -> Result<Response<ActiveLearnersReport>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let span = read::span(&mut fields, &m.from, &m.to, read::TWO_YEARS);
        let by = read::granularity(&mut fields, m.granularity);
        let (span, by) = fields.finish((span, by))?;

        let (mut conn, basis) = self.open().await?;
        let gaps = reports::activity::gaps(&mut conn, span).await.map_err(Error::from)?;
        let rows = active_learners(&gaps, span, by).into_iter();
        let rows = rows.map(|(start, learners)| ActiveLearnersRow { period: start.to_string(), learners });
        let about = about(basis, reports::activity::DEFINITION);
        Ok(Response::new(ActiveLearnersReport { about, rows: rows.collect() }))
    }

    type ExportReportStream = BoxStream<'static, Result<FileChunk, Status>>;

    async fn export_report(
        &self,
        request: Request<ExportReportRequest>,
    ) -> Result<Response<Self::ExportReportStream>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let wanted = fields.take("report", Wanted::read(m.report));
        let span = read::span(&mut fields, &m.from, &m.to, read::FIVE_YEARS);
        let currency = read::currency(&mut fields, &m.currency);
        let (wanted, span, currency) = fields.finish((wanted, span, currency))?;
        let export = Export::new(Arc::clone(&self.0), wanted, span, currency);
        Ok(Response::new(export.chunks().map(|chunk| chunk.map_err(Status::from)).boxed()))
    }
}

/// The days that the dashboard's figures are sums of.
struct Days {
    revenue: Vec<(Date, Revenue)>,
    counts: Vec<Counts>,
    gaps: Vec<Gap>,
}

impl Days {
    async fn read(conn: &mut PgConnection, currency: Currency, span: Span) -> Result<Self, Error> {
        Ok(Self {
            revenue: reports::revenue::days(conn, currency, span).await?,
            counts: reports::dashboard::counts(conn, span).await?,
            gaps: reports::activity::gaps(conn, span).await?,
        })
    }

    fn figures(&self, currency: Currency, span: Span) -> Result<DashboardFigures, Status> {
        let revenue = revenue::total(&self.revenue, span).map_err(too_much)?;
        let sum = |of: fn(&Counts) -> i64| -> i64 {
            self.counts.iter().filter(|counts| span.contains(counts.day)).map(of).sum()
        };
        Ok(DashboardFigures {
            net_revenue: Some(money(revenue.net(), currency)),
            orders_paid: revenue.orders,
            average_order: revenue.average_order().map(|minor| money(minor, currency)),
            registrations: sum(|counts| counts.registrations),
            enrolments: sum(|counts| counts.enrolments),
            completions: sum(|counts| counts.completions),
            active_learners: activity::different(&self.gaps, span),
            certificates: sum(|counts| counts.certificates),
        })
    }
}

/// The first day of each period, and how many different people learnt in it. The gaps are in the order of their days.
pub(super) fn active_learners(gaps: &[Gap], span: Span, by: Granularity) -> Vec<(Date, i64)> {
    let mut gaps = gaps;
    let periods = span.periods(by).into_iter().map(|period| {
        let (inside, later) = gaps.split_at(gaps.partition_point(|gap| gap.day <= period.days.to));
        gaps = later;
        (period.start, activity::different(inside, period.days))
    });
    periods.collect()
}

fn about(basis: Basis, definition: &str) -> Option<ReportAbout> {
    let as_of = basis.as_of.map(Into::into);
    Some(ReportAbout { as_of, definition: definition.to_owned(), time_zone: basis.zone })
}

async fn title(conn: &mut PgConnection, run: RunId) -> Result<String, Error> {
    reports::learning::title(conn, run).await?.ok_or(Error::RunNotFound)
}

fn revenue_row(start: Date, row: Revenue, currency: Currency) -> RevenueRow {
    RevenueRow {
        period: start.to_string(),
        gross: Some(money(row.gross, currency)),
        refunds: Some(money(row.refunded, currency)),
        net: Some(money(row.net(), currency)),
        orders: row.orders,
        refund_count: row.refunds,
        average_order: row.average_order().map(|minor| money(minor, currency)),
    }
}

fn money(minor: i64, currency: Currency) -> Money {
    Money { minor, currency: currency.to_string() }
}

fn funnel_step(step: Step) -> FunnelStep {
    FunnelStep {
        name: step.name.to_owned(),
        count: step.count,
        of_first_basis_points: step.of_first,
        of_previous_basis_points: step.of_previous,
    }
}

fn too_much(error: revenue::TooMuch) -> Error {
    Error::Internal(error.into())
}
