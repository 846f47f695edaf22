//! A learner's seat in a run: the run, the newest enrolment and all progress, read by one statement over primary keys.
//! What is open in it is decided in `domain::access`.

use std::collections::BTreeSet;

use sqlx::{FromRow, PgExecutor, Row, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    enrolments::{EnrolmentRow, Exported, enrolment_columns},
    progress::percent,
    runs::{RunRow, run_columns},
};
use crate::domain::{
    enrolment::Enrolment,
    id::{EnrolmentId, LearnerId, LessonId, RunId},
    progress::{LessonProgress, Progress},
    run::Run,
};

/// What is known of one learner in one run.
#[derive(Debug, Clone)]
pub struct Seat {
    pub run: Run,
    pub course_title: String,
    pub cover_media_id: Option<String>,
    /// The newest one, which may have ended.
    pub enrolment: Option<Enrolment>,
    /// Of that enrolment.
    pub progress: Progress,
}

struct SeatRow {
    run: RunRow,
    course_title: String,
    cover_media_id: Option<String>,
    enrolment: Option<EnrolmentRow>,
    lessons: Vec<LessonId>,
    percents: Vec<i16>,
    touched: Vec<OffsetDateTime>,
    completed: Vec<Option<OffsetDateTime>>,
}

impl FromRow<'_, PgRow> for SeatRow {
    /// Every column of an enrolment is missing where there is none, which a derived reader cannot say.
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let enrolled: Option<EnrolmentId> = row.try_get("enrolment_id")?;
        let enrolment = enrolled.map(|_| EnrolmentRow::from_row(row)).transpose()?;
        Ok(Self {
            run: RunRow::from_row(row)?,
            course_title: row.try_get("course_title")?,
            cover_media_id: row.try_get("cover_media_id")?,
            enrolment,
            lessons: row.try_get::<Option<_>, _>("lessons")?.unwrap_or_default(),
            percents: row.try_get::<Option<_>, _>("percents")?.unwrap_or_default(),
            touched: row.try_get::<Option<_>, _>("touched")?.unwrap_or_default(),
            completed: row.try_get::<Option<_>, _>("completed")?.unwrap_or_default(),
        })
    }
}

impl SeatRow {
    fn seat(self) -> Result<Seat, sqlx::Error> {
        let times = self.touched.into_iter().zip(self.completed);
        let rows = self.lessons.into_iter().zip(self.percents).zip(times);
        let lesson = |((id, number), (touched_at, completed_at))| {
            (id, LessonProgress { percent: percent(number), touched_at, completed_at })
        };
        Ok(Seat {
            run: self.run.run()?,
            course_title: self.course_title,
            cover_media_id: self.cover_media_id,
            enrolment: self.enrolment.map(EnrolmentRow::enrolment).transpose()?,
            progress: rows.map(lesson).collect(),
        })
    }
}

macro_rules! progress_columns {
    () => {
        "p.lessons, p.percents, p.touched, p.completed"
    };
}

macro_rules! progress_of_enrolment {
    () => {
        "left join lateral (
             select array_agg(l.lesson_id) as lessons,
                    array_agg(l.percent) as percents,
                    array_agg(l.touched_at) as touched,
                    array_agg(l.completed_at) as completed
             from lesson_progress l
             where l.learner_id = e.learner_id
               and l.enrolment_id = e.enrolment_id
         ) p on true"
    };
}

/// How a seat is read: the learner and the run.
pub const FIND: &str = concat!(
    "select ",
    run_columns!(),
    ", c.title as course_title, c.cover_media_id, ",
    enrolment_columns!(),
    ", ",
    progress_columns!(),
    " from runs r
     join courses c on c.course_id = r.course_id
     left join enrolments e
         on e.learner_id = $1
         and e.run_id = r.run_id
         and e.attempt = (
             select max(attempt)
             from enrolments
             where learner_id = $1
               and run_id = $2
         ) ",
    progress_of_enrolment!(),
    " where r.run_id = $2"
);

/// The learner's seat in a run; none if there is no such run.
pub async fn find(db: impl PgExecutor<'_>, learner: LearnerId, run: RunId) -> Result<Option<Seat>, sqlx::Error> {
    let row: Option<SeatRow> = sqlx::query_as(FIND).bind(learner).bind(run).fetch_optional(db).await?;
    row.map(SeatRow::seat).transpose()
}

/// Every seat that the learner has or had, the newest enrolment first.
pub async fn list(
    db: impl PgExecutor<'_>,
    learner: LearnerId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Seat>, sqlx::Error> {
    let rows: Vec<SeatRow> = sqlx::query_as(concat!(
        "select ",
        run_columns!(),
        ", c.title as course_title, c.cover_media_id, ",
        enrolment_columns!(),
        ", ",
        progress_columns!(),
        " from enrolments e
         join runs r on r.run_id = e.run_id
         join courses c on c.course_id = r.course_id ",
        progress_of_enrolment!(),
        " where e.learner_id = $1
           and ($2::uuid is null or e.enrolment_id < $2)
         order by e.enrolment_id desc
         limit $3"
    ))
    .bind(learner)
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(SeatRow::seat).collect()
}

#[derive(sqlx::FromRow)]
struct ActiveRow {
    #[sqlx(flatten)]
    enrolment: EnrolmentRow,
    done: Vec<LessonId>,
}

/// The active enrolments of a run with the lessons that are completed in each, in the order of their key; for jobs.
pub async fn active_in_run(
    db: impl PgExecutor<'_>,
    run: RunId,
    after: Option<Exported>,
    limit: i64,
) -> Result<Vec<(Enrolment, BTreeSet<LessonId>)>, sqlx::Error> {
    let rows: Vec<ActiveRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
        ", array(
             select l.lesson_id
             from lesson_progress l
             where l.learner_id = e.learner_id
               and l.enrolment_id = e.enrolment_id
               and l.completed_at is not null
         ) as done
         from enrolments e
         where e.run_id = $1
           and e.state = 'active'
           and ($2::uuid is null or (e.learner_id, e.enrolment_id) > ($2, $3::uuid))
         order by e.learner_id, e.enrolment_id
         limit $4"
    ))
    .bind(run)
    .bind(after.map(|(learner, _)| learner))
    .bind(after.map(|(_, enrolment)| enrolment))
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((row.enrolment.enrolment()?, row.done.into_iter().collect()))).collect()
}
