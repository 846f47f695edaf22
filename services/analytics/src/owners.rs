//! The services that own what we count, as we ask them in our own name: their exports as facts. What is done with them is the flows'
//! business.

use std::collections::HashMap;

use anyhow::{Context, Result};
use proto::lyceum::courses::v1::{
    Enrolment, ExportEnrolmentsRequest, ExportLessonCompletionsRequest, ExportRunsRequest, ExportedLessonCompletion,
    ExportedRun, enrolment_service_client::EnrolmentServiceClient,
};
use proto::lyceum::documents::v1::{
    ExportCertificatesRequest, ExportedCertificate, certificate_service_client::CertificateServiceClient,
};
use proto::lyceum::payments::v1::{
    Entitlement, ExportEntitlementsRequest, ExportOrdersRequest, ExportedOrder,
    entitlement_service_client::EntitlementServiceClient, sales_service_client::SalesServiceClient,
};
use proto::wkt::Timestamp;
use time::OffsetDateTime;
use tonic::Streaming;
use values::{Currency, Id, Kind, Money};

use crate::domain::fact::{Fact, Lesson, What};
use crate::domain::id::{EntitlementId, OrderId, RunId, UserId};

/// Ways to the owners; clones share them.
#[derive(Clone, Debug)]
pub struct Owners {
    pub payments: auth::Channel,
    pub courses: auth::Channel,
    pub documents: auth::Channel,
}

/// An export that is under way.
pub trait Export {
    /// Adds the facts of the next thing; false after the last.
    fn next(&mut self, facts: &mut Vec<Fact>) -> impl Future<Output = Result<bool>>;
}

/// An export of things that are facts each for itself.
struct Exported<T, F> {
    stream: Streaming<T>,
    tell: F,
}

impl<T, F: FnMut(T, &mut Vec<Fact>) -> Result<()>> Export for Exported<T, F> {
    async fn next(&mut self, facts: &mut Vec<Fact>) -> Result<bool> {
        let Some(next) = self.stream.message().await.context("an export was cut off; run it again")? else {
            return Ok(false);
        };
        (self.tell)(next, facts)?;
        Ok(true)
    }
}

impl Owners {
    pub async fn orders(&self) -> Result<impl Export> {
        let answer = SalesServiceClient::new(self.payments.clone()).export_orders(ExportOrdersRequest {}).await;
        Ok(Exported { stream: answer.context("orders are not exported")?.into_inner(), tell: order })
    }

    /// All entitlements. An enrolment's export does not say by which it came, so that they are held until those are copied.
    pub async fn entitlements(&self) -> Result<Entitlements> {
        let mut client = EntitlementServiceClient::new(self.payments.clone());
        let answer = client.export_entitlements(ExportEntitlementsRequest {}).await;
        let mut stream = answer.context("entitlements are not exported")?.into_inner();
        let mut found = Entitlements::default();
        while let Some(next) = stream.message().await.context("an export was cut off; run it again")? {
            found.add(&next.entitlement.context("entitlement is missing")?)?;
        }
        Ok(found)
    }

    pub async fn runs(&self) -> Result<impl Export> {
        let answer = EnrolmentServiceClient::new(self.courses.clone()).export_runs(ExportRunsRequest {}).await;
        Ok(Exported { stream: answer.context("runs are not exported")?.into_inner(), tell: run })
    }

    pub async fn enrolments(&self, entitlements: Entitlements) -> Result<impl Export> {
        let mut client = EnrolmentServiceClient::new(self.courses.clone());
        let answer = client.export_enrolments(ExportEnrolmentsRequest { changed_since: None }).await;
        let tell = move |next: Enrolment, facts: &mut Vec<Fact>| enrolment(&entitlements, &next, facts);
        Ok(Exported { stream: answer.context("enrolments are not exported")?.into_inner(), tell })
    }

    pub async fn lesson_completions(&self) -> Result<impl Export> {
        let mut client = EnrolmentServiceClient::new(self.courses.clone());
        let answer = client.export_lesson_completions(ExportLessonCompletionsRequest {}).await;
        Ok(Exported { stream: answer.context("completed lessons are not exported")?.into_inner(), tell: lesson })
    }

    pub async fn certificates(&self) -> Result<impl Export> {
        let mut client = CertificateServiceClient::new(self.documents.clone());
        let request = ExportCertificatesRequest { after_certificate_id: String::new() };
        let answer = client.export_certificates(request).await;
        Ok(Exported { stream: answer.context("certificates are not exported")?.into_inner(), tell: certificate })
    }
}

/// What was granted, by learner and run.
#[derive(Debug, Default)]
pub struct Entitlements(HashMap<(UserId, RunId), Vec<Granted>>);

/// When, which, and by which order.
type Granted = (OffsetDateTime, EntitlementId, OrderId);

impl Entitlements {
    fn add(&mut self, exported: &Entitlement) -> Result<()> {
        let whose = (id("learner_id", &exported.learner_id)?, id("run_id", &exported.run_id)?);
        // It starts when it is granted.
        let granted = instant("starts_at", exported.starts_at)?.context("starts_at is missing")?;
        let entitlement =
            (granted, id("entitlement_id", &exported.entitlement_id)?, id("order_id", &exported.order_id)?);
        self.0.entry(whose).or_default().push(entitlement);
        Ok(())
    }

    pub fn facts(&self) -> impl Iterator<Item = Fact> {
        self.0.iter().flat_map(|((learner, run), granted)| {
            granted.iter().map(|(at, entitlement, order)| Fact {
                at: *at,
                what: What::EntitlementGranted {
                    entitlement: *entitlement,
                    order: *order,
                    learner: *learner,
                    run: *run,
                },
            })
        })
    }

    /// By which an enrolment began: the latest one that had been granted.
    fn behind(&self, learner: UserId, run: RunId, began: OffsetDateTime) -> Option<EntitlementId> {
        let granted = self.0.get(&(learner, run))?.iter().filter(|(at, ..)| *at <= began);
        granted.max_by_key(|(at, entitlement, _)| (*at, *entitlement)).map(|(_, entitlement, _)| *entitlement)
    }
}

fn order(exported: ExportedOrder, facts: &mut Vec<Fact>) -> Result<()> {
    let (order, buyer) = (id("order_id", &exported.order_id)?, id("buyer_id", &exported.buyer_id)?);
    let total = money("total", exported.total)?;
    let placed = instant("placed_at", exported.placed_at)?.context("placed_at is missing")?;
    let what = What::OrderPlaced { order, number: exported.number.clone(), buyer, total };
    facts.push(Fact { at: placed, what });
    if let Some(at) = instant("paid_at", exported.paid_at)? {
        facts.push(Fact { at, what: What::OrderPaid { order, number: exported.number, buyer, total } });
    }
    for refunded in exported.refunds {
        let (refund, amount) = (id("refund_id", &refunded.refund_id)?, money("amount", refunded.amount)?);
        let at = instant("refunded_at", refunded.refunded_at)?.context("refunded_at is missing")?;
        facts.push(Fact { at, what: What::OrderRefunded { order, refund, amount } });
    }
    Ok(())
}

fn run(exported: ExportedRun, facts: &mut Vec<Fact>) -> Result<()> {
    let lessons = exported.lessons.into_iter().map(|lesson| {
        let id = id("lesson_id", &lesson.lesson_id)?;
        Ok(Lesson { id, title: lesson.title, required: lesson.required })
    });
    let what = What::RunPublished {
        course: id("course_id", &exported.course_id)?,
        run: id("run_id", &exported.run_id)?,
        version: exported.version,
        title: exported.title,
        lessons: lessons.collect::<Result<_>>()?,
    };
    // When it was published is not told; a version that an event told of stays, because a copy does not go back.
    facts.push(Fact { at: OffsetDateTime::UNIX_EPOCH, what });
    Ok(())
}

fn enrolment(entitlements: &Entitlements, exported: &Enrolment, facts: &mut Vec<Fact>) -> Result<()> {
    let enrolment = id("enrolment_id", &exported.enrolment_id)?;
    let (learner, run) = (id("learner_id", &exported.learner_id)?, id("run_id", &exported.run_id)?);
    let began = instant("created_at", exported.created_at)?.context("created_at is missing")?;
    let entitlement = entitlements.behind(learner, run, began);
    let course = id("course_id", &exported.course_id)?;
    facts.push(Fact { at: began, what: What::EnrolmentStarted { enrolment, learner, course, run, entitlement } });
    if let Some(at) = instant("completed_at", exported.completed_at)? {
        facts.push(Fact { at, what: What::CourseCompleted { enrolment, learner, run } });
    }
    if let Some(at) = instant("ended_at", exported.ended_at)? {
        facts.push(Fact { at, what: What::EnrolmentEnded { enrolment } });
    }
    Ok(())
}

fn lesson(exported: ExportedLessonCompletion, facts: &mut Vec<Fact>) -> Result<()> {
    let what = What::LessonCompleted {
        enrolment: id("enrolment_id", &exported.enrolment_id)?,
        learner: id("learner_id", &exported.learner_id)?,
        run: id("run_id", &exported.run_id)?,
        lesson: id("lesson_id", &exported.lesson_id)?,
    };
    let at = instant("completed_at", exported.completed_at)?.context("completed_at is missing")?;
    facts.push(Fact { at, what });
    Ok(())
}

fn certificate(exported: ExportedCertificate, facts: &mut Vec<Fact>) -> Result<()> {
    let certificate = id("certificate_id", &exported.certificate_id)?;
    let predecessor = match exported.predecessor_id.as_deref().unwrap_or_default() {
        "" => None,
        predecessor => Some(id("predecessor_id", predecessor)?),
    };
    let issued = instant("issued_at", exported.issued_at)?.context("issued_at is missing")?;
    let enrolment = id("enrolment_id", &exported.enrolment_id)?;
    facts.push(Fact { at: issued, what: What::CertificateIssued { certificate, enrolment, predecessor } });
    if let Some(at) = instant("revoked_at", exported.revoked_at)? {
        facts.push(Fact { at, what: What::CertificateRevoked { certificate } });
    }
    Ok(())
}

fn id<K: Kind>(field: &'static str, text: &str) -> Result<Id<K>> {
    text.parse().context(field)
}

fn instant(field: &'static str, at: Option<Timestamp>) -> Result<Option<OffsetDateTime>> {
    at.map(|at| at.to_time().context(field)).transpose()
}

fn money(field: &'static str, money: Option<proto::lyceum::values::v1::Money>) -> Result<Money> {
    let money = money.context(field)?;
    Ok(Money::new(money.minor, Currency::parse(&money.currency).context(field)?))
}
