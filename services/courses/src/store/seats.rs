//! Seats of learners in runs: the run, the newest enrolment and all progress, read by one statement over primary keys.

use std::collections::BTreeSet;

use pg::Pool;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;
use values::{Record, record::Stored};

use super::{enrolments::Exported, outlines::Outlines};
use crate::domain::{
    enrolment::Enrolment,
    id::{LearnerId, LessonId, RunId},
    number::Unsigned,
    progress::LessonProgress,
    run::Run,
    seat::Seat,
};

#[derive(Record)]
struct SeatRow {
    #[record(flatten, prefix = "run_")]
    run: Run,
    course_title: String,
    cover_media_id: Option<String>,
    #[record(flatten, prefix = "enrolment_")]
    enrolment: Option<Enrolment>,
    #[record(default_is_null)]
    lessons: Vec<LessonId>,
    #[record(default_is_null)]
    percents: Vec<i16>,
    #[record(default_is_null)]
    touched: Vec<OffsetDateTime>,
    #[record(default_is_null)]
    completed: Vec<Option<OffsetDateTime>>,
}

impl SeatRow {
    async fn seat(self, db: &Pool, outlines: &Outlines, now: OffsetDateTime) -> Result<Seat, sqlx::Error> {
        let outline = outlines.get(db, self.run.course, self.run.version).await?;
        let times = self.touched.into_iter().zip(self.completed);
        let rows = self.lessons.into_iter().zip(self.percents).zip(times);
        let lesson = |((id, percent), (touched_at, completed_at))| {
            let Ok(percent) = Unsigned::read(percent);
            (id, LessonProgress { percent, touched_at, completed_at })
        };
        Ok(Seat {
            run: self.run,
            course_title: self.course_title,
            cover_media_id: self.cover_media_id,
            enrolment: self.enrolment,
            progress: rows.map(lesson).collect(),
            outline,
            now,
        })
    }
}

/// All progress in an enrolment, as four lists.
const PROGRESS: &str = "
    left join lateral (
             select array_agg(l.lesson_id) as lessons,
                    array_agg(l.percent) as percents,
                    array_agg(l.touched_at) as touched,
                    array_agg(l.completed_at) as completed
             from lesson_progress l
             where l.learner_id = e.learner_id
               and l.enrolment_id = e.enrolment_id
         ) p on true";

/// How a seat is read: the learner and the run.
pub const FIND: &str = pg::sql!(
    "select ",
    Run as r prefixed "run_",
    ", c.title as course_title, c.cover_media_id, ",
    Enrolment as e prefixed "enrolment_",
    ", p.lessons, p.percents, p.touched, p.completed
     from runs r
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
    const PROGRESS,
    " where r.run_id = $2"
);

/// The learner's seat in a run at an instant; none if there is no such run, or none that learners see.
pub async fn find(
    db: &Pool,
    outlines: &Outlines,
    learner: LearnerId,
    run: RunId,
    now: OffsetDateTime,
) -> Result<Option<Seat>, sqlx::Error> {
    let row: Option<SeatRow> = sqlx::query_as(FIND).bind(learner).bind(run).fetch_optional(db).await?;
    match row.filter(|row| row.run.visible().is_ok()) {
        Some(row) => row.seat(db, outlines, now).await.map(Some),
        None => Ok(None),
    }
}

/// Every seat that the learner has or had, the newest enrolment first.
pub async fn list(
    db: &Pool,
    outlines: &Outlines,
    learner: LearnerId,
    now: OffsetDateTime,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Seat>, sqlx::Error> {
    let rows: Vec<SeatRow> = sqlx::query_as(pg::sql!(
        "select ",
        Run as r prefixed "run_",
        ", c.title as course_title, c.cover_media_id, ",
        Enrolment as e prefixed "enrolment_",
        ", p.lessons, p.percents, p.touched, p.completed
         from enrolments e
         join runs r on r.run_id = e.run_id
         join courses c on c.course_id = r.course_id ",
        const PROGRESS,
        " where e.learner_id = $1
           and e.enrolment_id < $2
         order by e.enrolment_id desc
         limit $3"
    ))
    .bind(learner)
    .bind(after.unwrap_or(Uuid::max()))
    .bind(limit)
    .fetch_all(db)
    .await?;
    let mut seats = Vec::with_capacity(rows.len());
    for row in rows {
        seats.push(row.seat(db, outlines, now).await?);
    }
    Ok(seats)
}

#[derive(Record)]
struct ActiveRow {
    #[record(flatten)]
    enrolment: Enrolment,
    done: Vec<LessonId>,
}

/// The active enrolments of a run with the lessons that are completed in each, in the order of their key; for jobs.
pub async fn active_in_run(
    db: impl PgExecutor<'_>,
    run: RunId,
    after: Option<Exported>,
    limit: i64,
) -> Result<Vec<(Enrolment, BTreeSet<LessonId>)>, sqlx::Error> {
    let rows: Vec<ActiveRow> = sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
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
           and (e.learner_id, e.enrolment_id) > ($2, $3)
         order by e.learner_id, e.enrolment_id
         limit $4"
    ))
    .bind(run)
    .bind(after.map_or(Uuid::nil(), |(learner, _)| learner.uuid()))
    .bind(after.map_or(Uuid::nil(), |(_, enrolment)| enrolment.uuid()))
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.enrolment, row.done.into_iter().collect())).collect())
}
