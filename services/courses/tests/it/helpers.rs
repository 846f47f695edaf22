//! A school with one database and one door for each test, and builders with sensible defaults.

use std::sync::Arc;

use auth::{Channel, Outgoing};
use bus::{Envelope, Failure};
use courses::{
    app::{App, migrations},
    documents::Documents,
    grpc, hear,
};
use prost::{Message, Name};
use proto::{
    lyceum::{
        courses::v1::{
            AnswerOption, ChoiceQuestion, Course, CreateCourseRequest, CreateRunRequest, Draft, DraftLesson,
            DraftSection, Enrolment, FileContent, GetLessonRequest, GetOutlineRequest, Lesson, ListMyEnrolmentsRequest,
            NumberQuestion, Outline, OutlineLesson, PublishCourseRequest, PublishRunRequest, Question, QuizContent,
            ReplaceDraftRequest, Run, ShortTextQuestion, TextContent, VideoContent,
            authoring_service_client::AuthoringServiceClient, catalog_service_client::CatalogServiceClient,
            draft_lesson, enrolment_service_client::EnrolmentServiceClient,
            learning_service_client::LearningServiceClient, lesson_lock, question,
        },
        events::v1::{EntitlementGranted, EntitlementRevoked, UserErased},
    },
    wkt,
};
use rpc::Problem;
use testkit::{Database, FixedClock, Fleet, Served, announced, serve};
use time::{Duration, OffsetDateTime};
use tonic::Status;
use uuid::Uuid;
use values::Clock;

/// Everything that a person may be allowed to do here.
pub const EDITOR: &[&str] = &["courses.edit", "courses.publish"];
pub const STAFF: &[&str] = &["enrolments.read", "enrolments.manage"];

pub struct School {
    pub app: Arc<App>,
    pub clock: FixedClock,
    pub fleet: Fleet,
    door: Served,
    /// Last, so that it goes when nobody uses it any more.
    pub db: Database,
}

impl School {
    pub async fn new() -> Self {
        Self::with(nobody()).await
    }

    /// A school whose media are linked by somebody.
    pub async fn with(documents: Documents) -> Self {
        let db = Database::new(&migrations()).await;
        let clock = FixedClock::default();
        let app = App::new(db.pool.clone(), clock.shared(), documents);
        // Tokens do not age here, however far a test moves the school's clock.
        let fleet = Fleet::new(FixedClock::default().shared());
        let door = serve(grpc::routes(Arc::clone(&app)), fleet.layer()).await;
        Self { app, clock, fleet, door, db }
    }

    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub fn in_days(&self, days: i64) -> OffsetDateTime {
        self.now() + Duration::days(days)
    }

    pub fn catalog(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.door.to(self.fleet.visitor()))
    }

    pub fn authoring(&self) -> AuthoringServiceClient<Channel> {
        self.authoring_as(self.fleet.person(Uuid::from_u128(1), EDITOR))
    }

    pub fn authoring_as(&self, who: Outgoing) -> AuthoringServiceClient<Channel> {
        AuthoringServiceClient::new(self.door.to(who))
    }

    pub fn enrolments(&self) -> EnrolmentServiceClient<Channel> {
        self.enrolments_as(self.fleet.person(Uuid::from_u128(2), STAFF))
    }

    pub fn enrolments_as(&self, who: Outgoing) -> EnrolmentServiceClient<Channel> {
        EnrolmentServiceClient::new(self.door.to(who))
    }

    pub fn learning(&self, learner: Uuid) -> LearningServiceClient<Channel> {
        self.learning_as(self.fleet.person(learner, &[]))
    }

    pub fn learning_as(&self, who: Outgoing) -> LearningServiceClient<Channel> {
        LearningServiceClient::new(self.door.to(who))
    }

    pub async fn course(&self, page: Course) -> Course {
        let request = CreateCourseRequest { course: Some(page) };
        self.authoring().create_course(request).await.unwrap().into_inner()
    }

    pub async fn draft(&self, course: &Course, sections: Vec<DraftSection>) -> Draft {
        let request = ReplaceDraftRequest { course_id: course.course_id.clone(), sections, etag: String::new() };
        self.authoring().replace_draft(request).await.unwrap().into_inner()
    }

    /// Publishes the draft and says which version it became.
    pub async fn publish(&self, course: &Course) -> i32 {
        let request = PublishCourseRequest { course_id: course.course_id.clone(), ..Default::default() };
        self.authoring().publish_course(request).await.unwrap().into_inner().version
    }

    pub async fn run(&self, course: &Course, run: Run) -> Run {
        let request = CreateRunRequest { course_id: course.course_id.clone(), run: Some(run) };
        self.authoring().create_run(request).await.unwrap().into_inner()
    }

    pub async fn publish_run(&self, run_id: &str) -> Run {
        let request = PublishRunRequest { run_id: run_id.to_owned(), version: 0 };
        self.authoring().publish_run(request).await.unwrap().into_inner()
    }

    /// A published course with one published, self-paced run.
    pub async fn offered(&self, sections: Vec<DraftSection>) -> Offered {
        self.offered_as(sections, run_page()).await
    }

    pub async fn offered_as(&self, sections: Vec<DraftSection>, run: Run) -> Offered {
        let course = self.course(course_page("Кройка и шитьё", "ru")).await;
        let draft = self.draft(&course, sections).await;
        self.publish(&course).await;
        let run = self.run(&course, run).await;
        let run = self.publish_run(&run.run_id).await;
        Offered { course, draft, run }
    }

    /// Tells the service what happened elsewhere, as its consumer does.
    pub async fn hear<P: Message + Name + Default + Clone>(&self, event: &P, version: i64) -> Result<(), Failure> {
        let envelope = Envelope {
            id: Uuid::new_v4().to_string(),
            r#type: P::full_name(),
            aggregate_version: version,
            actor: "service:payments".to_owned(),
            payload: event.encode_to_vec(),
            ..Envelope::default()
        };
        let mut transaction = self.db.pool.begin().await.unwrap();
        let bytes = &envelope.payload[..];
        let heard = match envelope.r#type.rsplit('.').next().unwrap() {
            "EntitlementGranted" => {
                let event = EntitlementGranted::decode(bytes).unwrap();
                hear::entitlement_granted(&self.app, &mut transaction, &envelope, event).await
            }
            "EntitlementRevoked" => {
                let event = EntitlementRevoked::decode(bytes).unwrap();
                hear::entitlement_revoked(&self.app, &mut transaction, &envelope, event).await
            }
            "UserErased" => {
                let event = UserErased::decode(bytes).unwrap();
                hear::user_erased(&self.app, &mut transaction, &envelope, event).await
            }
            other => panic!("courses does not hear {other}"),
        };
        if heard.is_ok() {
            transaction.commit().await.unwrap();
        }
        heard
    }

    pub fn granted(&self, learner: Uuid, run: &Run) -> EntitlementGranted {
        EntitlementGranted {
            entitlement_id: Uuid::new_v4().to_string(),
            order_id: Uuid::new_v4().to_string(),
            learner_id: learner.to_string(),
            run_id: run.run_id.clone(),
            starts_at: Some(self.now().into()),
            ends_at: None,
        }
    }

    /// A new learner who bought the run.
    pub async fn learner(&self, run: &Run) -> Uuid {
        let learner = Uuid::new_v4();
        self.hear(&self.granted(learner, run), 1).await.unwrap();
        learner
    }

    /// The learner's enrolments, the newest first.
    pub async fn enrolments_of(&self, learner: Uuid) -> Vec<Enrolment> {
        let list = self.learning(learner).list_my_enrolments(ListMyEnrolmentsRequest::default()).await.unwrap();
        list.into_inner().enrolments.into_iter().map(|mine| mine.enrolment.unwrap()).collect()
    }

    pub async fn outline(&self, learner: Uuid, run: &Run) -> Outline {
        let request = GetOutlineRequest { run_id: run.run_id.clone() };
        self.learning(learner).get_outline(request).await.unwrap().into_inner()
    }

    pub async fn lesson(&self, learner: Uuid, run: &Run, lesson_id: &str) -> Lesson {
        let request = GetLessonRequest { run_id: run.run_id.clone(), lesson_id: lesson_id.to_owned() };
        self.learning(learner).get_lesson(request).await.unwrap().into_inner()
    }

    /// The announced events of one type, in order.
    pub async fn announced<P: Message + Name + Default>(&self) -> Vec<P> {
        announced(&self.db.pool).await.iter().filter_map(testkit::Recorded::decode).collect()
    }
}

/// A course, its draft and its run.
pub struct Offered {
    pub course: Course,
    pub draft: Draft,
    pub run: Run,
}

impl Offered {
    /// The id of the lesson with this title.
    pub fn lesson(&self, title: &str) -> String {
        let mut lessons = self.draft.sections.iter().flat_map(|section| &section.lessons);
        lessons.find(|lesson| lesson.title == title).and_then(|lesson| lesson.lesson_id.clone()).unwrap()
    }
}

pub fn course_page(title: &str, language: &str) -> Course {
    Course { title: title.to_owned(), language: language.to_owned(), ..Course::default() }
}

pub fn run_page() -> Run {
    Run { title: "Всегда".to_owned(), ..Run::default() }
}

pub fn section(title: &str, lessons: Vec<DraftLesson>) -> DraftSection {
    DraftSection { section_id: None, title: title.to_owned(), lessons }
}

fn lesson(title: &str, content: draft_lesson::Content) -> DraftLesson {
    DraftLesson { title: title.to_owned(), content: Some(content), ..DraftLesson::default() }
}

pub fn text(title: &str) -> DraftLesson {
    lesson(title, draft_lesson::Content::Text(TextContent { markdown: format!("# {title}") }))
}

pub fn file(title: &str) -> DraftLesson {
    let file =
        FileContent { media_id: "media-file".into(), file_name: "выкройка.pdf".into(), size_bytes: 4_096 };
    lesson(title, draft_lesson::Content::File(file))
}

pub fn video(title: &str, seconds: i64) -> DraftLesson {
    let video =
        VideoContent { media_id: "media-video".into(), duration: Some(seconds_of(seconds)), completion_percent: 90 };
    lesson(title, draft_lesson::Content::Video(video))
}

pub fn quiz(title: &str, quiz: QuizContent) -> DraftLesson {
    lesson(title, draft_lesson::Content::Quiz(quiz))
}

/// One question of each kind, 10 points altogether; 70 per cent pass.
pub fn four_questions() -> QuizContent {
    let option = |text: &str, correct| AnswerOption { option_id: None, text: text.into(), correct };
    let question = |text: &str, points, kind| Question {
        text: text.into(),
        points,
        explanation: format!("Explanation of {text}"),
        kind: Some(kind),
        ..Question::default()
    };
    let single = ChoiceQuestion { options: vec![option("right", true), option("wrong", false)] };
    let multiple =
        ChoiceQuestion { options: vec![option("right 1", true), option("right 2", true), option("wrong", false)] };
    let number = NumberQuestion { value: "3.14".into(), tolerance: Some("0.01".into()) };
    let words = ShortTextQuestion { accepted: vec!["Зелёный чай".into()] };
    QuizContent {
        questions: vec![
            question("single", 2, question::Kind::SingleChoice(single)),
            question("multiple", 3, question::Kind::MultipleChoice(multiple)),
            question("number", 4, question::Kind::Number(number)),
            question("words", 1, question::Kind::ShortText(words)),
        ],
        pass_percent: 70,
        ..QuizContent::default()
    }
}

/// A documents service that does not answer.
fn nobody() -> Documents {
    let channel = tonic::transport::Endpoint::from_static("http://127.0.0.1:9").connect_lazy();
    Documents::new(Fleet::new(FixedClock::default().shared()).service().over(channel))
}

pub fn seconds_of(seconds: i64) -> wkt::Duration {
    wkt::Duration { seconds, nanos: 0 }
}

pub fn instant(at: OffsetDateTime) -> Option<wkt::Timestamp> {
    Some(at.into())
}

/// The refusal's public code.
pub fn reason(status: &Status) -> String {
    Problem::from(status).reason
}

/// The fields that a refusal names.
pub fn violations(status: &Status) -> Vec<String> {
    Problem::from(status).violations.into_iter().map(|violation| violation.field).collect()
}

/// The lesson of an outline with this title.
pub fn titled<'a>(outline: &'a Outline, title: &str) -> &'a OutlineLesson {
    let mut lessons = outline.sections.iter().flat_map(|section| &section.lessons);
    lessons.find(|lesson| lesson.title == title).unwrap()
}

pub fn locks(lesson: &OutlineLesson) -> Vec<lesson_lock::Reason> {
    lesson.locks.iter().map(|lock| lock.reason()).collect()
}
