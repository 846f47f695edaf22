//! The main journey: somebody finds a course, buys it, learns it to the end and holds a certificate; then the manager's report.

use anyhow::{Context, Result};
use people::{Newcomer, Outcome, Person, School, Seen};
use proto::lyceum::analytics::v1::{Dashboard, DashboardFigures, GetDashboardRequest};
use proto::lyceum::courses::v1::{
    CourseCard, ListCoursesRequest, ListCoursesResponse, SearchCoursesRequest, SearchCoursesResponse,
};
use proto::lyceum::payments::v1::{ListProductsRequest, ListProductsResponse, Product};

use crate::demo_school::DemoSchool;

/// What the learner looks for, and finds in one course of the demo school.
const QUERY: &str = "силуэт";
const PROMO_CODE: &str = "START10";
/// The code, the paid order, the opened access, the finished course, the certificate.
const MAILS: usize = 5;

/// Plays it.
pub(crate) async fn play(school: &School, demo_school: &DemoSchool) -> Result<()> {
    let learner = school.welcome(&Newcomer::called("vera", "Вера Соколова")).await?;
    let course = find_course(&learner).await?;
    let (product, run_id) = look_at(&learner, &course).await?;
    learner.read_a_free_lesson(&run_id).await?;
    learner.buy(&product.product_id, PROMO_CODE).await?;
    learner.become_enrolled(&run_id).await?;
    learner.learn(&run_id, &demo_school.key()).await?;
    let certificate = learner.certificate(&run_id).await?;
    learner.read_pdf(&certificate).await?;
    learner.open_check_page(&certificate).await?;
    read_mails(&learner).await?;
    read_report(&school.staff("manager").await?).await
}

/// Looks around and searches.
async fn find_course(learner: &Person) -> Result<CourseCard> {
    let browse = learner.step("browse the catalogue", async |me| {
        let request = ListCoursesRequest { language: "ru".to_owned(), ..Default::default() };
        let page: ListCoursesResponse = me.call(&request).await?;
        let titles: Vec<&str> = page.courses.iter().map(|card| card.title.as_str()).collect();
        Ok(Outcome::new(()).note(titles.join("; ")))
    });
    browse.await?;
    let search = learner.step("search", async |me| {
        let request = SearchCoursesRequest { query: QUERY.to_owned(), ..Default::default() };
        let page: SearchCoursesResponse = me.call(&request).await?;
        let best = page.courses.into_iter().next().with_context(|| format!("nothing was found for {QUERY}"))?;
        Ok(Outcome::new(best.clone()).note(format!("«{QUERY}» → {}", best.title)))
    });
    search.await
}

/// Looks at what sells a course; gives the run, too, to which it gives access.
async fn look_at(learner: &Person, course: &CourseCard) -> Result<(Product, String)> {
    let look = learner.step("look at the price", async |me| {
        let request = ListProductsRequest { course_id: Some(course.course_id.clone()), ..Default::default() };
        let page: ListProductsResponse = me.call(&request).await?;
        let product = page.products.into_iter().next().context("nothing sells this course")?;
        let run_id = product.grants.first().context("the product grants nothing")?.run_id.clone();
        let title = product.title.clone();
        Ok(Outcome::new((product, run_id)).note(title))
    });
    look.await
}

/// Waits for the mail about the certificate and shows what came altogether.
async fn read_mails(learner: &Person) -> Result<()> {
    let read = learner.step("mails received", async |me| {
        let mails = me.school.eventually("that every mail has come", async || {
            let mails = me.school.outside.mails(&me.email).await?;
            let missing = format!("{} mails", mails.len());
            Ok(Seen::found(Some(mails).filter(|mails| mails.len() >= MAILS), &missing))
        });
        let subjects: Vec<String> = mails.await?.iter().map(|mail| format!("«{}»", mail.subject)).collect();
        Ok(Outcome::new(()).note(subjects.join(", ")))
    });
    read.await
}

/// Waits until the reports have heard of an order and a certificate.
async fn read_report(manager: &Person) -> Result<()> {
    let read = manager.step("the manager's report", async |me| {
        let today = me.school.eventually("that the reports have heard of the order", async || {
            let dashboard: Dashboard = me.call(&GetDashboardRequest::default()).await?;
            let today = dashboard.today.unwrap_or_default();
            let missing = format!("{today:?}");
            Ok(Seen::found(Some(today).filter(counted), &missing))
        });
        let today = today.await?;
        Ok(Outcome::new(()).note(format!(
            "today: {} of {} orders, {} learners, {} completed, {} certificates",
            people::shown(today.net_revenue.as_ref()),
            today.orders_paid,
            today.active_learners,
            today.completions,
            today.certificates,
        )))
    });
    read.await
}

fn counted(today: &DashboardFigures) -> bool {
    today.orders_paid > 0 && today.certificates > 0
}
