use std::any::Any;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use analytics::flows;
use analytics::owners::Owners;
use bus::Envelope;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use prost::{Message, Name};
use proto::lyceum::courses::v1::{
    Enrolment, ExportEnrolmentsRequest, ExportLessonCompletionsRequest, ExportRunsRequest, ExportedLesson,
    ExportedLessonCompletion, ExportedRun,
};
use proto::lyceum::documents::v1::{ExportCertificatesRequest, ExportedCertificate};
use proto::lyceum::events::v1::UserRegistered;
use proto::lyceum::payments::v1::{
    Entitlement, ExportEntitlementsRequest, ExportEntitlementsResponse, ExportOrdersRequest, ExportedOrder,
    ExportedRefund,
};
use testkit::{Fleet, serve};
use time::OffsetDateTime;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::helpers::{Purchase, Story, World, rubles};

/// The services of the owners, by number.
const NAMES: [&str; 4] = [
    "lyceum.payments.v1.SalesService",
    "lyceum.payments.v1.EntitlementService",
    "lyceum.courses.v1.EnrolmentService",
    "lyceum.documents.v1.CertificateService",
];

/// One owner's service, which tells a story.
#[derive(Clone)]
struct Owner<const SERVICE: usize>(Arc<Story>);

impl<const SERVICE: usize> NamedService for Owner<SERVICE> {
    const NAME: &'static str = NAMES[SERVICE];
}

impl<const SERVICE: usize> tower::Service<http::Request<Body>> for Owner<SERVICE> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let story = Arc::clone(&self.0);
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
            let answer = match method.as_str() {
                "ExportOrders" => stream_of::<ExportOrdersRequest, _>(orders(&story), request).await,
                "ExportEntitlements" => stream_of::<ExportEntitlementsRequest, _>(entitlements(&story), request).await,
                "ExportRuns" => stream_of::<ExportRunsRequest, _>(runs(&story), request).await,
                "ExportEnrolments" => stream_of::<ExportEnrolmentsRequest, _>(enrolments(&story), request).await,
                "ExportLessonCompletions" => {
                    stream_of::<ExportLessonCompletionsRequest, _>(lessons(&story), request).await
                }
                "ExportCertificates" => stream_of::<ExportCertificatesRequest, _>(certificates(&story), request).await,
                other => panic!("nobody asks for {other}"),
            };
            Ok(answer)
        })
    }
}

struct Answers<R, T>(Vec<T>, PhantomData<fn(R)>);

impl<R: Message, T: Message + Clone + Default + 'static> ServerStreamingService<R> for Answers<R, T> {
    type Response = T;
    type ResponseStream = BoxStream<'static, Result<T, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<R>) -> Self::Future {
        let answers: Vec<_> = self.0.iter().cloned().map(Ok).collect();
        Box::pin(async move {
            let stream: Self::ResponseStream = Box::pin(stream::iter(answers));
            Ok(Response::new(stream))
        })
    }
}

async fn stream_of<R, T>(answers: Vec<T>, request: http::Request<Body>) -> http::Response<Body>
where
    R: Message + Default + Any,
    T: Message + Clone + Default + Any,
{
    let service = Answers::<R, T>(answers, PhantomData);
    Grpc::new(ProstCodec::<T, R>::default()).server_streaming(service, request).await
}

fn orders(story: &Story) -> Vec<ExportedOrder> {
    let told = story.purchases.iter().map(|purchase| ExportedOrder {
        order_id: purchase.order.clone(),
        number: purchase.number.clone(),
        buyer_id: purchase.learner.clone(),
        total: Some(rubles(purchase.minor)),
        placed_at: purchase.placed.map(Into::into),
        paid_at: purchase.paid.map(Into::into),
        refunds: purchase
            .refunded
            .map(|at| ExportedRefund {
                refund_id: purchase.refund.clone(),
                amount: Some(rubles(purchase.minor)),
                refunded_at: Some(at.into()),
            })
            .into_iter()
            .collect(),
        version: 9,
    });
    told.collect()
}

fn began(story: &Story) -> impl Iterator<Item = (&Purchase, OffsetDateTime)> {
    story.purchases.iter().filter_map(|purchase| purchase.paid.map(|paid| (purchase, paid)))
}

fn entitlements(story: &Story) -> Vec<ExportEntitlementsResponse> {
    let told = began(story).map(|(purchase, paid)| ExportEntitlementsResponse {
        entitlement: Some(Entitlement {
            entitlement_id: purchase.entitlement.clone(),
            order_id: purchase.order.clone(),
            learner_id: purchase.learner.clone(),
            run_id: purchase.run.clone(),
            starts_at: Some(paid.into()),
            ..Entitlement::default()
        }),
        version: 1,
    });
    told.collect()
}

fn runs(story: &Story) -> Vec<ExportedRun> {
    let told = story.runs.iter().map(|(course, run, lessons)| ExportedRun {
        course_id: course.clone(),
        run_id: run.clone(),
        version: 1,
        title: "Rust".to_owned(),
        language: "ru".to_owned(),
        lessons: lessons
            .iter()
            .enumerate()
            .map(|(number, lesson)| ExportedLesson {
                lesson_id: lesson.clone(),
                title: format!("Lesson {number}"),
                required: true,
            })
            .collect(),
        aggregate_version: 1,
    });
    told.collect()
}

fn enrolments(story: &Story) -> Vec<Enrolment> {
    let told = began(story).map(|(purchase, _)| Enrolment {
        enrolment_id: purchase.enrolment.clone(),
        learner_id: purchase.learner.clone(),
        course_id: purchase.course.clone(),
        run_id: purchase.run.clone(),
        created_at: Some(purchase.started().into()),
        completed_at: purchase.completed.map(Into::into),
        ended_at: purchase.refunded.map(Into::into),
        ..Enrolment::default()
    });
    told.collect()
}

fn lessons(story: &Story) -> Vec<ExportedLessonCompletion> {
    let told = began(story).flat_map(|(purchase, _)| {
        purchase.lessons.iter().map(|(lesson, at)| ExportedLessonCompletion {
            enrolment_id: purchase.enrolment.clone(),
            learner_id: purchase.learner.clone(),
            run_id: purchase.run.clone(),
            lesson_id: lesson.clone(),
            completed_at: Some((*at).into()),
        })
    });
    told.collect()
}

fn certificates(story: &Story) -> Vec<ExportedCertificate> {
    let told = story.purchases.iter().filter_map(|purchase| {
        Some(ExportedCertificate {
            certificate_id: purchase.certificate.clone(),
            learner_id: purchase.learner.clone(),
            course_id: purchase.course.clone(),
            run_id: purchase.run.clone(),
            enrolment_id: purchase.enrolment.clone(),
            valid: purchase.refunded.is_none(),
            issued_at: Some(purchase.completed?.into()),
            revoked_at: purchase.refunded.map(Into::into),
            predecessor_id: None,
            version: 1,
        })
    });
    told.collect()
}

async fn copy(world: &World, story: &Story) -> u64 {
    let (fleet, story) = (Fleet::new(world.clock.shared()), Arc::new(story.clone()));
    let routes = Routes::new(Owner::<0>(Arc::clone(&story)))
        .add_service(Owner::<1>(Arc::clone(&story)))
        .add_service(Owner::<2>(Arc::clone(&story)))
        .add_service(Owner::<3>(story));
    // The doors are guarded: only a service with its own key comes in.
    let door = serve(routes, fleet.layer()).await;
    let owners = Owners {
        payments: door.to(fleet.service()),
        courses: door.to(fleet.service()),
        documents: door.to(fleet.service()),
    };
    flows::copy_from_owners::run(&world.app, &owners).await.unwrap()
}

/// Without the moment of a run's publication, which its owner does not tell.
async fn comparable(world: &World) -> Vec<String> {
    sqlx::raw_sql("update runs set published_at = '2026-01-01 00:00:00Z'").execute(&world.database.pool).await.unwrap();
    world.rollups().await
}

/// Everything but what nobody exports.
fn exported(story: &Story) -> Vec<Envelope> {
    let all = story.announced();
    all.into_iter().filter(|envelope| envelope.r#type != UserRegistered::full_name()).collect()
}

#[tokio::test]
async fn what_owners_export_counts_as_what_they_announced() {
    for seed in 10..16 {
        let story = Story::of(seed);
        let (copied, heard) = (World::new().await, World::new().await);
        heard.hear(&exported(&story)).await;
        assert!(copy(&copied, &story).await > 0);
        assert_eq!(comparable(&copied).await, comparable(&heard).await, "story {seed}");
    }
}

#[tokio::test]
async fn what_is_copied_twice_and_heard_as_well_is_counted_once() {
    let story = Story::of(20);
    let (both, heard) = (World::new().await, World::new().await);
    let told = exported(&story);
    let (early, late) = told.split_at(told.len() / 2);
    heard.hear(&told).await;
    both.hear(early).await;
    copy(&both, &story).await;
    copy(&both, &story).await;
    both.hear(late).await;
    assert_eq!(comparable(&both).await, comparable(&heard).await);
}
