//! Editing the content of a course.

use proto::{
    lyceum::courses::v1::{
        AnswerOption, ChoiceQuestion, CreateLessonRequest, CreateSectionRequest, DeleteLessonRequest,
        DeleteSectionRequest, Draft, DraftLesson, GetDraftLessonRequest, GetDraftRequest, LessonKind,
        MoveLessonRequest, MoveSectionRequest, NumberQuestion, Question, QuizContent, ReplaceDraftRequest,
        UpdateLessonRequest, UpdateSectionRequest, draft_lesson, question,
    },
    wkt::FieldMask,
};
use tonic::Request;

use crate::helpers::{School, course_page, file, four_questions, quiz, reason, section, text, video, violations};

fn shape(draft: &Draft) -> Vec<(&str, Vec<&str>)> {
    draft
        .sections
        .iter()
        .map(|section| (section.title.as_str(), section.lessons.iter().map(|lesson| lesson.title.as_str()).collect()))
        .collect()
}

#[tokio::test]
async fn an_outline_is_built_step_by_step() {
    let school = School::new().await;
    let course_id = school.course(course_page("Шитьё", "ru")).await.course_id;
    let mut authoring = school.authoring();
    for (title, position) in [("Второй", None), ("Первый", Some(0))] {
        let request =
            CreateSectionRequest { course_id: course_id.clone(), title: title.into(), position, ..Default::default() };
        authoring.create_section(request).await.unwrap();
    }
    let read = || GetDraftRequest { course_id: course_id.clone(), with_content: true };
    let draft = authoring.get_draft(read()).await.unwrap().into_inner();
    let [first, second] = [0, 1].map(|at: usize| draft.sections[at].section_id.clone().unwrap());
    for (lesson, position) in [(text("б"), None), (video("в", 60), None), (file("а"), Some(0))] {
        let request = CreateLessonRequest {
            course_id: course_id.clone(),
            section_id: first.clone(),
            lesson: Some(lesson),
            position,
            etag: String::new(),
        };
        authoring.create_lesson(request).await.unwrap();
    }
    let draft = authoring.get_draft(read()).await.unwrap().into_inner();
    assert_eq!(shape(&draft), [("Первый", vec!["а", "б", "в"]), ("Второй", vec![])]);
    assert_eq!(draft.sections[0].lessons[2].kind(), LessonKind::Video);
    assert_eq!(draft.sections[0].lessons[2].content, video("в", 60).content);
    assert!(draft.changed);

    let lesson_id = draft.sections[0].lessons[0].lesson_id.clone().unwrap();
    let request = MoveLessonRequest {
        course_id: course_id.clone(),
        lesson_id: lesson_id.clone(),
        section_id: Some(second.clone()),
        ..Default::default()
    };
    let moved = authoring.move_lesson(request).await.unwrap().into_inner();
    assert_eq!(shape(&moved), [("Первый", vec!["б", "в"]), ("Второй", vec!["а"])]);
    let request = MoveSectionRequest { course_id: course_id.clone(), section_id: second.clone(), ..Default::default() };
    let moved = authoring.move_section(request).await.unwrap().into_inner();
    assert_eq!(shape(&moved), [("Второй", vec!["а"]), ("Первый", vec!["б", "в"])]);
    let request = UpdateSectionRequest {
        course_id: course_id.clone(),
        section_id: second.clone(),
        title: "Другой".into(),
        etag: String::new(),
    };
    let renamed = authoring.update_section(request).await.unwrap().into_inner();
    assert_eq!(renamed.sections[0].title, "Другой");
    let request = DeleteSectionRequest { course_id: course_id.clone(), section_id: second, etag: String::new() };
    let deleted = authoring.delete_section(request).await.unwrap().into_inner();
    assert_eq!(shape(&deleted), [("Первый", vec!["б", "в"])]);
    let gone = GetDraftLessonRequest { course_id: course_id.clone(), lesson_id };
    assert_eq!(reason(&authoring.get_draft_lesson(gone).await.unwrap_err()), "LESSON_NOT_FOUND");
    let lesson_id = deleted.sections[0].lessons[0].lesson_id.clone().unwrap();
    let request = DeleteLessonRequest { course_id, lesson_id, etag: String::new() };
    assert_eq!(shape(&authoring.delete_lesson(request).await.unwrap().into_inner()), [("Первый", vec!["в"])]);
}

#[tokio::test]
async fn a_lesson_is_changed_by_mask_and_etag() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let draft = school.draft(&course, vec![section("Начало", vec![text("а"), text("б")])]).await;
    let [first, second] = [0, 1].map(|at: usize| draft.sections[0].lessons[at].clone());
    let update = |lesson: &DraftLesson, new: DraftLesson, paths: &[&str]| UpdateLessonRequest {
        course_id: course.course_id.clone(),
        lesson_id: lesson.lesson_id.clone().unwrap(),
        lesson: Some(new),
        update_mask: Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }),
        etag: lesson.etag.clone(),
    };
    let mut authoring = school.authoring();
    let preview = DraftLesson { free_preview: true, required: Some(false), ..DraftLesson::default() };
    let changed = authoring.update_lesson(update(&first, preview, &["free_preview", "required"])).await.unwrap();
    let changed = changed.into_inner();
    assert_eq!((changed.title.as_str(), changed.free_preview, changed.required), ("а", true, Some(false)));
    assert_eq!(changed.content, first.content);
    let late = update(&first, text("в"), &["title"]);
    assert_eq!(reason(&authoring.update_lesson(late).await.unwrap_err()), "ETAG_MISMATCH");
    // Another lesson is not touched by that change.
    let other = authoring.update_lesson(update(&second, text("в"), &["title", "text"])).await.unwrap().into_inner();
    assert_eq!((other.title, other.content), ("в".to_owned(), text("в").content));
    let kind = update(&DraftLesson { etag: String::new(), ..second.clone() }, video("в", 60), &["video"]);
    assert_eq!(reason(&authoring.update_lesson(kind).await.unwrap_err()), "LESSON_KIND_CHANGED");
    let missing = update(&DraftLesson { etag: String::new(), ..second }, DraftLesson::default(), &["text"]);
    assert_eq!(violations(&authoring.update_lesson(missing).await.unwrap_err()), ["lesson.text"]);
}

#[tokio::test]
async fn an_old_etag_of_the_outline_is_refused() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let draft = school.draft(&course, vec![section("Начало", vec![text("а")])]).await;
    let request = |etag: &str| CreateSectionRequest {
        course_id: course.course_id.clone(),
        title: "Новый".into(),
        position: None,
        etag: etag.into(),
    };
    school.authoring().create_section(request(&draft.etag)).await.unwrap();
    let refused = school.authoring().create_section(request(&draft.etag)).await.unwrap_err();
    assert_eq!(reason(&refused), "ETAG_MISMATCH");
}

#[tokio::test]
async fn two_editors_at_once_lose_nothing() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let create = |title: String| {
        let mut authoring = school.authoring();
        let course_id = course.course_id.clone();
        async move {
            let request = CreateSectionRequest { course_id, title, ..Default::default() };
            authoring.create_section(request).await.unwrap();
        }
    };
    futures::future::join_all((0..10).map(|number| create(format!("Раздел {number}")))).await;
    let request = GetDraftRequest { course_id: course.course_id, with_content: false };
    assert_eq!(school.authoring().get_draft(request).await.unwrap().into_inner().sections.len(), 10);
}

#[tokio::test]
async fn a_whole_draft_is_replaced_and_known_ids_stay() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let sections = vec![section("Начало", vec![text("а"), quiz("б", four_questions())])];
    let draft = school.draft(&course, sections).await;
    // What was read can be sent back as it is.
    let same = school.draft(&course, draft.sections.clone()).await;
    let etags = |draft: &Draft| draft.sections[0].lessons.iter().map(|lesson| lesson.etag.clone()).collect::<Vec<_>>();
    assert_eq!((&same.sections, etags(&same)), (&draft.sections, etags(&draft)), "nothing changed");

    let mut sections = draft.sections.clone();
    sections[0].lessons.swap(0, 1);
    sections[0].lessons[1].title = "в".into();
    sections.push(section("Конец", vec![file("г")]));
    let replaced = school.draft(&course, sections).await;
    assert_eq!(shape(&replaced), [("Начало", vec!["б", "в"]), ("Конец", vec!["г"])]);
    assert_eq!(replaced.sections[0].lessons[1].lesson_id, draft.sections[0].lessons[0].lesson_id);
    assert_ne!(replaced.sections[0].lessons[1].etag, draft.sections[0].lessons[0].etag);

    let stranger = DraftLesson { lesson_id: Some(uuid::Uuid::new_v4().to_string()), ..text("а") };
    let request = ReplaceDraftRequest {
        course_id: course.course_id.clone(),
        sections: vec![section("Начало", vec![stranger])],
        etag: String::new(),
    };
    assert_eq!(reason(&school.authoring().replace_draft(request).await.unwrap_err()), "LESSON_NOT_FOUND");
    let twice =
        vec![section("Начало", vec![draft.sections[0].lessons[0].clone(), draft.sections[0].lessons[0].clone()])];
    // The lesson left the draft under another title, but it is still there.
    let request = ReplaceDraftRequest { course_id: course.course_id, sections: twice, etag: String::new() };
    assert_eq!(reason(&school.authoring().replace_draft(request).await.unwrap_err()), "DUPLICATE_ID");
}

#[tokio::test]
async fn every_mistake_of_a_lesson_is_told_at_once_by_its_path() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let refused = async |lessons: Vec<DraftLesson>| {
        let sections = vec![section("Начало", lessons)];
        let request = ReplaceDraftRequest { course_id: course.course_id.clone(), sections, etag: String::new() };
        let mut named = violations(&school.authoring().replace_draft(request).await.unwrap_err());
        named.sort();
        named
    };
    let bad_quiz = QuizContent {
        questions: vec![
            Question {
                points: -1,
                kind: Some(question::Kind::Number(NumberQuestion { value: "π".into(), tolerance: None })),
                ..Default::default()
            },
            Question { text: "?".into(), ..Default::default() },
        ],
        pass_percent: 101,
        max_attempts: -1,
        time_limit: Some(crate::helpers::seconds_of(1)),
        ..Default::default()
    };
    let bad_lesson = DraftLesson { title: "".into(), weight: 101, release_after_days: -1, ..quiz("", bad_quiz) };
    let first = "sections[0].lessons[0]";
    assert_eq!(
        refused(vec![bad_lesson, video("в", 0)]).await,
        [
            format!("{first}.quiz.max_attempts"),
            format!("{first}.quiz.pass_percent"),
            format!("{first}.quiz.questions[0].number.value"),
            format!("{first}.quiz.questions[0].points"),
            format!("{first}.quiz.questions[0].text"),
            format!("{first}.quiz.questions[1]"),
            format!("{first}.quiz.time_limit"),
            format!("{first}.release_after_days"),
            format!("{first}.title"),
            format!("{first}.weight"),
            "sections[0].lessons[1].video.duration".to_owned(),
        ]
    );

    // What no single field breaks is looked at when every field is right; all of that is reported at once as well.
    let option = |text: &str| AnswerOption { text: text.into(), correct: true, ..Default::default() };
    let single = ChoiceQuestion { options: vec![option("a"), option("b")] };
    let number = NumberQuestion { value: "1".into(), tolerance: Some("-1".into()) };
    let asked = |kind| Question { text: "?".into(), kind: Some(kind), ..Default::default() };
    let questions = vec![asked(question::Kind::SingleChoice(single)), asked(question::Kind::Number(number))];
    let bad_quiz = QuizContent { questions, ..Default::default() };
    let no_content = DraftLesson { title: "а".into(), ..Default::default() };
    assert_eq!(
        refused(vec![quiz("к", bad_quiz), no_content]).await,
        [
            format!("{first}.quiz.questions[0].single_choice.options"),
            format!("{first}.quiz.questions[1].number.tolerance"),
            "sections[0].lessons[1]".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_repeated_request_makes_one_lesson() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let draft = school.draft(&course, vec![section("Начало", vec![])]).await;
    let request = || {
        let mut request = Request::new(CreateLessonRequest {
            course_id: course.course_id.clone(),
            section_id: draft.sections[0].section_id.clone().unwrap(),
            lesson: Some(text("а")),
            ..Default::default()
        });
        request.metadata_mut().insert(rpc::IDEMPOTENCY_KEY, "lesson-0001".parse().unwrap());
        request
    };
    let first = school.authoring().create_lesson(request()).await.unwrap().into_inner();
    assert_eq!(school.authoring().create_lesson(request()).await.unwrap().into_inner(), first);
    assert_eq!(first.content, text("а").content);
    assert!(matches!(first.content, Some(draft_lesson::Content::Text(_))));
}
