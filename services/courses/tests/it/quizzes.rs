//! Attempts at quizzes: what is shown, what is saved, how it is graded.

use courses::flows::submit_overdue;
use proto::lyceum::{
    courses::v1::{
        AnswersShown, AttemptQuestion, EndEnrolmentRequest, GetQuizAttemptRequest, ListQuizAttemptsRequest, QuizAnswer,
        QuizAttempt, QuizContent, SaveAnswersRequest, StartQuizAttemptRequest, SubmitQuizAttemptRequest, lesson,
        lesson_progress, quiz_attempt::State,
    },
    events::v1::{CourseCompleted, LessonCompleted},
};
use time::Duration;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::helpers::{Offered, School, four_questions, quiz, reason, seconds_of, section, violations};

struct Quizzing {
    school: School,
    offered: Offered,
    learner: Uuid,
}

impl Quizzing {
    async fn new(content: QuizContent) -> Self {
        let school = School::new().await;
        let offered = school.offered(vec![section("Начало", vec![quiz("к", content)])]).await;
        let learner = school.learner(&offered.run).await;
        Self { school, offered, learner }
    }

    fn start_request(&self) -> StartQuizAttemptRequest {
        StartQuizAttemptRequest { run_id: self.offered.run.run_id.clone(), lesson_id: self.offered.lesson("к") }
    }

    async fn try_start(&self) -> Result<QuizAttempt, Status> {
        let mut learning = self.school.learning(self.learner);
        learning.start_quiz_attempt(self.start_request()).await.map(tonic::Response::into_inner)
    }

    async fn start(&self) -> QuizAttempt {
        self.try_start().await.unwrap()
    }

    async fn save(&self, attempt: &QuizAttempt, answers: Vec<QuizAnswer>) -> Result<QuizAttempt, Status> {
        let request = SaveAnswersRequest { attempt_id: attempt.attempt_id.clone(), answers };
        self.school.learning(self.learner).save_answers(request).await.map(tonic::Response::into_inner)
    }

    async fn submit(&self, attempt: &QuizAttempt) -> QuizAttempt {
        let request = SubmitQuizAttemptRequest { attempt_id: attempt.attempt_id.clone() };
        self.school.learning(self.learner).submit_quiz_attempt(request).await.unwrap().into_inner()
    }

    async fn read(&self, attempt: &QuizAttempt) -> QuizAttempt {
        let request = GetQuizAttemptRequest { attempt_id: attempt.attempt_id.clone() };
        self.school.learning(self.learner).get_quiz_attempt(request).await.unwrap().into_inner()
    }

    /// An attempt that is handed in with these questions answered right.
    async fn tried(&self, right: &[&str]) -> QuizAttempt {
        let attempt = self.start().await;
        let answers: Vec<_> = right.iter().map(|text| right_answer(question(&attempt, text))).collect();
        if !answers.is_empty() {
            self.save(&attempt, answers).await.unwrap();
        }
        self.submit(&attempt).await
    }

    async fn progress(&self) -> proto::lyceum::courses::v1::LessonProgress {
        self.school.lesson(self.learner, &self.offered.run, &self.offered.lesson("к")).await.progress.unwrap()
    }
}

fn question<'a>(attempt: &'a QuizAttempt, text: &str) -> &'a AttemptQuestion {
    attempt.questions.iter().find(|question| question.text == text).unwrap()
}

fn right_answer(question: &AttemptQuestion) -> QuizAnswer {
    let right = question.options.iter().filter(|option| option.text.starts_with("right"));
    let option_ids = right.map(|option| option.option_id.clone()).collect();
    let answer = QuizAnswer { question_id: question.question_id.clone(), option_ids, ..QuizAnswer::default() };
    match question.text.as_str() {
        "number" => QuizAnswer { number: "3,15".into(), ..answer },
        "words" => QuizAnswer { text: " зеленый  ЧАЙ".into(), ..answer },
        _ => answer,
    }
}

const ALL: &[&str] = &["single", "multiple", "number", "words"];

async fn steps(school: &School) -> i64 {
    sqlx::query_scalar("select count(*) from attempt_answers").fetch_one(&school.db.pool).await.unwrap()
}

#[tokio::test]
async fn a_quiz_that_is_passed_completes_its_lesson() {
    let it = Quizzing::new(four_questions()).await;
    let lesson = it.school.lesson(it.learner, &it.offered.run, &it.offered.lesson("к")).await;
    let Some(lesson::Content::Quiz(terms)) = lesson.content else { panic!("no quiz") };
    assert_eq!((terms.question_count, terms.max_score, terms.pass_percent), (4, 10, 70));
    let attempt = it.start().await;
    assert_eq!((attempt.state(), attempt.number, attempt.score), (State::Open, 1, None));
    assert_eq!(it.progress().await.state(), lesson_progress::State::Started);

    let failed = it.tried(&["multiple", "number"]).await;
    assert_eq!(failed.attempt_id, attempt.attempt_id, "the open attempt is gone on with");
    assert_eq!((failed.score, failed.passed), (Some(7), Some(true)), "70 per cent pass");
    let scores: Vec<_> = ALL.iter().map(|text| question(&failed, text).score.unwrap()).collect();
    assert_eq!(scores, [0, 3, 4, 0]);
    let progress = it.progress().await;
    assert_eq!((progress.state(), progress.percent), (lesson_progress::State::Completed, 70));
    assert_eq!(it.school.announced::<LessonCompleted>().await.len(), 1);
    assert_eq!(it.school.announced::<CourseCompleted>().await.len(), 1);
}

#[tokio::test]
async fn the_highest_score_counts() {
    let it = Quizzing::new(four_questions()).await;
    for right in [&["number", "single"][..], &[], ALL, &["single"]] {
        it.tried(right).await;
    }
    let progress = it.progress().await;
    assert_eq!((progress.state(), progress.percent), (lesson_progress::State::Completed, 100));
    let quiz = progress.quiz.unwrap();
    assert_eq!((quiz.attempts_used, quiz.attempts_left, quiz.best_score, quiz.passed), (4, None, Some(10), true));
    let request = ListQuizAttemptsRequest {
        run_id: it.offered.run.run_id.clone(),
        lesson_id: it.offered.lesson("к"),
        page_size: 3,
        ..Default::default()
    };
    let page = it.school.learning(it.learner).list_quiz_attempts(request.clone()).await.unwrap().into_inner();
    assert_eq!(page.attempts.iter().map(|one| one.score.unwrap()).collect::<Vec<_>>(), [2, 10, 0]);
    assert!(page.attempts.iter().all(|one| one.questions.is_empty()));
    let request = ListQuizAttemptsRequest { page_token: page.next_page_token.unwrap(), ..request };
    let page = it.school.learning(it.learner).list_quiz_attempts(request).await.unwrap().into_inner();
    assert_eq!(page.attempts.iter().map(|one| one.number).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn right_answers_leave_only_when_the_quiz_shows_them() {
    let shows = |attempt: &QuizAttempt| attempt.questions.iter().all(|question| question.right_answer.is_some());
    let hides = |attempt: &QuizAttempt| attempt.questions.iter().all(|question| question.right_answer.is_none());
    let with = |shown: AnswersShown| QuizContent { answers_shown: shown.into(), max_attempts: 3, ..four_questions() };

    let it = Quizzing::new(with(AnswersShown::AtTheEnd)).await;
    assert!(hides(&it.start().await));
    let first = it.tried(&[]).await;
    assert!(hides(&first), "two attempts are left");
    it.tried(&[]).await;
    let last = it.start().await;
    assert!(hides(&it.read(&first).await), "the last attempt is open");
    let last = it.submit(&last).await;
    assert!(shows(&last) && shows(&it.read(&first).await));
    let right = question(&last, "words").right_answer.clone().unwrap();
    assert_eq!((right.texts, right.explanation), (vec!["Зелёный чай".into()], "Explanation of words".into()));

    let it = Quizzing::new(with(AnswersShown::AtTheEnd)).await;
    assert!(shows(&it.tried(ALL).await), "passed is the end");
    let it = Quizzing::new(with(AnswersShown::Never)).await;
    assert!(hides(&it.tried(ALL).await));
    let it = Quizzing::new(with(AnswersShown::AfterEachAttempt)).await;
    assert!(hides(&it.start().await));
    assert!(shows(&it.tried(&[]).await));
}

#[tokio::test]
async fn attempts_run_out() {
    let it = Quizzing::new(QuizContent { max_attempts: 2, ..four_questions() }).await;
    it.tried(&[]).await;
    assert_eq!(it.progress().await.quiz.unwrap().attempts_left, Some(1));
    it.tried(&[]).await;
    assert_eq!(reason(&it.try_start().await.unwrap_err()), "NO_ATTEMPT_LEFT");
}

#[tokio::test]
async fn many_clicks_begin_one_attempt() {
    let it = Quizzing::new(four_questions()).await;
    let begun = futures::future::join_all((0..8).map(|_| it.start())).await;
    assert!(begun.iter().all(|attempt| attempt.attempt_id == begun[0].attempt_id));
    assert_eq!(it.progress().await.quiz.unwrap().attempts_used, 1);
}

#[tokio::test]
async fn a_lost_reply_to_a_start_costs_no_attempt() {
    let it = Quizzing::new(QuizContent { max_attempts: 1, ..four_questions() }).await;
    let request = || {
        let mut request = Request::new(it.start_request());
        request.metadata_mut().insert(rpc::IDEMPOTENCY_KEY, "attempt-0001".parse().unwrap());
        request
    };
    let mut learning = it.school.learning(it.learner);
    let first = learning.start_quiz_attempt(request()).await.unwrap().into_inner();
    it.submit(&first).await;
    let again = learning.start_quiz_attempt(request()).await.unwrap().into_inner();
    assert_eq!((again.state(), again.attempt_id), (State::Graded, first.attempt_id));
}

#[tokio::test]
async fn the_last_answer_counts_and_every_step_is_kept() {
    let it = Quizzing::new(four_questions()).await;
    let attempt = it.start().await;
    let number = |text: &str| QuizAnswer {
        question_id: question(&attempt, "number").question_id.clone(),
        number: text.into(),
        ..QuizAnswer::default()
    };
    for (answer, kept) in [("1", 1), ("1", 1), ("3.14", 2), ("3,140", 2), ("2", 3), ("3.14", 4)] {
        let saved = it.save(&attempt, vec![number(answer)]).await.unwrap();
        assert!(question(&saved, "number").answer.is_some());
        assert_eq!(steps(&it.school).await, kept, "after {answer}");
    }
    it.save(&attempt, vec![right_answer(question(&attempt, "single"))]).await.unwrap();
    let withdrawn = QuizAnswer { question_id: question(&attempt, "single").question_id.clone(), ..Default::default() };
    let saved = it.save(&attempt, vec![withdrawn]).await.unwrap();
    assert_eq!(question(&saved, "single").answer, None);
    let graded = it.submit(&attempt).await;
    assert_eq!(graded.score, Some(4));
    assert_eq!(it.submit(&attempt).await, graded, "handing in again answers the same");
    let late = it.save(&attempt, vec![number("5")]).await.unwrap_err();
    assert_eq!(reason(&late), "ATTEMPT_CLOSED");
    let refused = sqlx::query("update attempt_answers set step = 99").execute(&it.school.db.pool).await.unwrap_err();
    assert!(refused.to_string().contains("append-only"));
}

#[tokio::test]
async fn answers_that_fit_no_question_are_refused_by_field() {
    let it = Quizzing::new(four_questions()).await;
    let attempt = it.start().await;
    let answer =
        |text: &str| QuizAnswer { question_id: question(&attempt, text).question_id.clone(), ..QuizAnswer::default() };
    let refused = async |answers| violations(&it.save(&attempt, answers).await.unwrap_err());
    let foreign = question(&attempt, "multiple").options[0].option_id.clone();
    let single = QuizAnswer { option_ids: vec![foreign], ..answer("single") };
    assert_eq!(refused(vec![answer("number"), single]).await, ["answers[1].option_ids"]);
    let number = QuizAnswer { number: "π".into(), ..answer("number") };
    assert_eq!(refused(vec![number]).await, ["answers[0].number"]);
    let long = QuizAnswer { text: "x".repeat(501), ..answer("words") };
    assert_eq!(refused(vec![long]).await, ["answers[0].text"]);
    assert_eq!(refused(vec![answer("single"), answer("single")]).await, ["answers[1].question_id"]);
    assert_eq!(refused(vec![QuizAnswer::default()]).await, ["answers[0].question_id"]);
    assert_eq!(refused(vec![]).await, ["answers"]);
    assert_eq!(steps(&it.school).await, 0, "a refusal saves nothing");
}

#[tokio::test]
async fn when_the_time_is_up_the_attempt_counts_as_it_stands() {
    let timed = || QuizContent { time_limit: Some(seconds_of(60)), ..four_questions() };
    // By the job.
    let it = Quizzing::new(timed()).await;
    let attempt = it.start().await;
    assert_eq!(attempt.deadline, Some((it.school.now() + Duration::MINUTE).into()));
    it.save(&attempt, vec![right_answer(question(&attempt, "number"))]).await.unwrap();
    it.school.clock.advance(Duration::seconds(64));
    it.save(&attempt, vec![right_answer(question(&attempt, "multiple"))]).await.unwrap();
    assert_eq!(submit_overdue::run(&it.school.app).await.unwrap(), 0, "an answer under way may still arrive");
    it.school.clock.advance(Duration::seconds(1));
    let jobs = futures::future::join_all((0..4).map(|_| submit_overdue::run(&it.school.app))).await;
    assert!(jobs.into_iter().all(|job| job.is_ok()));
    let graded = it.read(&attempt).await;
    assert_eq!((graded.timed_out, graded.score, graded.submitted_at), (true, Some(7), attempt.deadline));
    assert_eq!(it.school.announced::<LessonCompleted>().await.len(), 1);

    // By the learner who comes too late.
    let it = Quizzing::new(timed()).await;
    let attempt = it.start().await;
    it.school.clock.advance(Duration::minutes(2));
    let late = it.save(&attempt, vec![right_answer(question(&attempt, "number"))]).await.unwrap_err();
    assert_eq!(reason(&late), "ATTEMPT_OVERDUE");
    let graded = it.read(&attempt).await;
    assert_eq!((graded.state(), graded.score), (State::Graded, Some(0)));
    let next = it.start().await;
    assert_eq!(next.number, 2);

    // By beginning the next one.
    it.school.clock.advance(Duration::minutes(2));
    assert_eq!(it.start().await.number, 3);
    assert_eq!(it.read(&next).await.state(), State::Graded);
}

#[tokio::test]
async fn an_attempt_keeps_its_version_and_its_order() {
    let it = Quizzing::new(QuizContent { shuffle: true, ..four_questions() }).await;
    let attempt = it.start().await;
    let mut sections = it.offered.draft.sections.clone();
    sections[0].lessons[0] = proto::lyceum::courses::v1::DraftLesson {
        lesson_id: sections[0].lessons[0].lesson_id.clone(),
        ..quiz("к", QuizContent { pass_percent: 100, ..four_questions() })
    };
    it.school.draft(&it.offered.course, sections).await;
    it.school.publish(&it.offered.course).await;
    it.school.publish_run(&it.offered.run.run_id).await;
    let again = it.start().await;
    assert_eq!(again, attempt, "the same questions in the same order");
    let answers = ["multiple", "number"].map(|text| right_answer(question(&attempt, text)));
    it.save(&attempt, answers.to_vec()).await.unwrap();
    let graded = it.submit(&attempt).await;
    assert_eq!((graded.version, graded.passed), (1, Some(true)), "by the terms on which it began");
    assert_eq!(it.start().await.version, 2);
}

#[tokio::test]
async fn an_attempt_is_its_learners_own() {
    let it = Quizzing::new(four_questions()).await;
    let attempt = it.start().await;
    let other = it.school.learner(&it.offered.run).await;
    let attempt_id = || attempt.attempt_id.clone();
    let mut theirs = it.school.learning(other);
    let read = theirs.get_quiz_attempt(GetQuizAttemptRequest { attempt_id: attempt_id() }).await.unwrap_err();
    let answers = vec![right_answer(question(&attempt, "single"))];
    let save = theirs.save_answers(SaveAnswersRequest { attempt_id: attempt_id(), answers }).await.unwrap_err();
    let submit = theirs.submit_quiz_attempt(SubmitQuizAttemptRequest { attempt_id: attempt_id() }).await.unwrap_err();
    for refused in [read, save, submit] {
        assert_eq!(reason(&refused), "ATTEMPT_NOT_FOUND");
    }
    assert_eq!(it.read(&attempt).await.state(), State::Open);
}

#[tokio::test]
async fn nobody_learns_in_an_enrolment_that_ended() {
    let it = Quizzing::new(four_questions()).await;
    let attempt = it.start().await;
    let enrolment_id = it.school.enrolments_of(it.learner).await[0].enrolment_id.clone();
    let end = EndEnrolmentRequest { enrolment_id, note: String::new() };
    it.school.enrolments().end_enrolment(end).await.unwrap();
    let answers = ALL.iter().map(|text| right_answer(question(&attempt, text))).collect();
    assert_eq!(reason(&it.save(&attempt, answers).await.unwrap_err()), "LESSON_LOCKED");
    assert_eq!(reason(&it.try_start().await.unwrap_err()), "LESSON_LOCKED");
    assert_eq!(it.submit(&attempt).await.score, Some(0));
    assert_eq!(it.school.announced::<LessonCompleted>().await, []);
}

#[tokio::test]
async fn answers_saved_at_once_are_all_kept() {
    let it = Quizzing::new(four_questions()).await;
    let attempt = it.start().await;
    let saves = ALL.iter().map(|text| it.save(&attempt, vec![right_answer(question(&attempt, text))]));
    assert!(futures::future::join_all(saves).await.into_iter().all(|saved| saved.is_ok()));
    let submits = (0..4).map(|_| it.submit(&attempt));
    let graded = futures::future::join_all(submits).await;
    assert!(graded.iter().all(|one| one.score == Some(10)));
    assert_eq!(it.school.announced::<CourseCompleted>().await.len(), 1);
}
