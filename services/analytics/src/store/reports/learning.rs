//! How far the learners of a run came, and where they stopped.

use sqlx::{FromRow, PgConnection};

use crate::domain::id::{LessonId, RunId};

pub const COMPLETION: &str = "Of everybody who ever enrolled in the run, those who left it included: how many completed a lesson of it, a \
    quarter, a half and three quarters of the lessons that its published version requires, and the whole course. Who finished the course \
    counts in every step, whatever a later version requires.";

pub const DROP_OFF: &str = "Of everybody who ever enrolled in the run: how many completed each lesson of its published version. A learner \
    who has not finished the course stopped at the last lesson, in the order of the lessons, that they completed; those who completed none \
    stopped at no lesson.";

/// A run's title.
pub async fn title(conn: &mut PgConnection, run: RunId) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select title from runs where run_id = $1").bind(run).fetch_optional(conn).await
}

/// How many learners of a run came so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Completion {
    pub enrolled: i64,
    pub first_lesson: i64,
    pub quarter: i64,
    pub half: i64,
    pub three_quarters: i64,
    pub completed: i64,
}

impl Completion {
    /// The steps of the funnel, in order.
    pub const fn steps(&self) -> [(&'static str, i64); 6] {
        [
            ("ENROLLED", self.enrolled),
            ("FIRST_LESSON", self.first_lesson),
            ("QUARTER", self.quarter),
            ("HALF", self.half),
            ("THREE_QUARTERS", self.three_quarters),
            ("COMPLETED", self.completed),
        ]
    }
}

pub async fn completion(conn: &mut PgConnection, run: RunId) -> Result<Completion, sqlx::Error> {
    sqlx::query_as(
        "with required as (
             select count(*) as lessons
             from run_lessons
             where run_id = $1
               and required
         ),
         done as (
             select c.enrolment_id, count(*) as any_lesson, count(l.lesson_id) filter (where l.required) as required_lessons
             from lesson_completions c
             left join run_lessons l on l.run_id = c.run_id and l.lesson_id = c.lesson_id
             where c.run_id = $1
             group by c.enrolment_id
         ),
         learners as (
             select e.completed_day is not null as completed,
                    coalesce(done.any_lesson, 0) > 0 as begun,
                    case when required.lessons > 0 then coalesce(done.required_lessons, 0) * 4 else 0 end as quarters,
                    greatest(required.lessons, 1) as lessons
             from enrolments e
             cross join required
             left join done on done.enrolment_id = e.enrolment_id
             where e.run_id = $1
               and e.started_day is not null
         )
         select count(*) as enrolled,
                count(*) filter (where completed or begun) as first_lesson,
                count(*) filter (where completed or quarters >= lessons) as quarter,
                count(*) filter (where completed or quarters >= lessons * 2) as half,
                count(*) filter (where completed or quarters >= lessons * 3) as three_quarters,
                count(*) filter (where completed) as completed
         from learners",
    )
    .bind(run)
    .fetch_one(conn)
    .await
}

/// How many ever enrolled in a run.
pub async fn enrolled(conn: &mut PgConnection, run: RunId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from enrolments where run_id = $1 and started_day is not null")
        .bind(run)
        .fetch_one(conn)
        .await
}

/// One lesson of the published version.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Stop {
    #[sqlx(rename = "lesson_id")]
    pub lesson: LessonId,
    pub title: String,
    pub required: bool,
    pub completed: i64,
    pub stopped_here: i64,
}

/// The lessons of a run in their order.
pub async fn stops(conn: &mut PgConnection, run: RunId) -> Result<Vec<Stop>, sqlx::Error> {
    sqlx::query_as(
        "with learners as (
             select enrolment_id, completed_day is not null as finished
             from enrolments
             where run_id = $1
               and started_day is not null
         ),
         done as (
             select l.position, learners.enrolment_id, learners.finished
             from lesson_completions c
             join learners on learners.enrolment_id = c.enrolment_id
             join run_lessons l on l.run_id = c.run_id and l.lesson_id = c.lesson_id
             where c.run_id = $1
         ),
         completed as (
             select position, count(*) as learners
             from done
             group by position
         ),
         stopped as (
             select position, count(*) as learners
             from (
                 select max(position) as position
                 from done
                 where not finished
                 group by enrolment_id
             ) as last
             group by position
         )
         select l.lesson_id, l.title, l.required, coalesce(completed.learners, 0) as completed,
                coalesce(stopped.learners, 0) as stopped_here
         from run_lessons l
         left join completed on completed.position = l.position
         left join stopped on stopped.position = l.position
         where l.run_id = $1
         order by l.position",
    )
    .bind(run)
    .fetch_all(conn)
    .await
}
