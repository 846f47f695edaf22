//! How far learners got in lessons: one row a lesson that was begun.

use std::collections::BTreeSet;

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use super::stored;
use crate::domain::{
    course::MediaId,
    id::{EnrolmentId, LearnerId, LessonId},
    playback::{Playback, Position},
    progress::Key,
    watched::Watched,
};

/// Everything that is known of a lesson that was begun.
#[derive(Debug, Clone)]
pub struct Detail {
    pub percent: u8,
    pub completed_at: Option<OffsetDateTime>,
    pub playback: Option<Playback>,
    /// Points of the best attempt and those that were possible in it.
    pub best: Option<(i32, i32)>,
}

#[derive(sqlx::FromRow)]
struct DetailRow {
    percent: i16,
    completed_at: Option<OffsetDateTime>,
    media_id: Option<String>,
    watched: Option<Vec<i32>>,
    position_ms: Option<i32>,
    position_client_at: Option<OffsetDateTime>,
    position_player: Option<String>,
    position_sequence: Option<i64>,
    best_score: Option<i32>,
    best_max_score: Option<i32>,
}

impl DetailRow {
    fn detail(self) -> Result<Detail, sqlx::Error> {
        let position = match (self.position_ms, self.position_client_at, self.position_player, self.position_sequence) {
            (Some(at_ms), Some(client_at), Some(player), Some(sequence)) => {
                Some(Position { at_ms: milliseconds(at_ms), client_at, player, sequence })
            }
            _ => None,
        };
        let playback = match (self.media_id, self.watched) {
            (Some(media), Some(watched)) => {
                let pairs = watched.chunks_exact(2).map(|pair| (milliseconds(pair[0]), milliseconds(pair[1])));
                let watched = Watched::stored(pairs.collect());
                Some(Playback { media: stored(MediaId::parse(&media))?, watched, position })
            }
            _ => None,
        };
        Ok(Detail {
            percent: percent(self.percent),
            completed_at: self.completed_at,
            playback,
            best: self.best_score.zip(self.best_max_score),
        })
    }
}

/// A day is 86,400,000 ms, far below what an `integer` holds.
fn milliseconds(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn integer(milliseconds: u32) -> i32 {
    i32::try_from(milliseconds).unwrap_or(i32::MAX)
}

pub(super) fn percent(number: i16) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

pub async fn find(db: impl PgExecutor<'_>, key: Key) -> Result<Option<Detail>, sqlx::Error> {
    let row: Option<DetailRow> = sqlx::query_as(
        "select percent, completed_at, media_id, watched, position_ms, position_client_at, position_player,
                position_sequence, best_score, best_max_score
         from lesson_progress
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .fetch_optional(db)
    .await?;
    row.map(DetailRow::detail).transpose()
}

/// The row, locked until the end of the transaction; call [`begin`] first, so that there is one to lock.
pub async fn lock(conn: &mut PgConnection, key: Key) -> Result<Detail, sqlx::Error> {
    let row: DetailRow = sqlx::query_as(
        "select percent, completed_at, media_id, watched, position_ms, position_client_at, position_player,
                position_sequence, best_score, best_max_score
         from lesson_progress
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3
         for no key update",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .fetch_one(conn)
    .await?;
    row.detail()
}

/// Notes that the learner was in the lesson.
pub async fn begin(conn: &mut PgConnection, key: Key, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into lesson_progress (learner_id, enrolment_id, lesson_id, percent, started_at, touched_at)
         values ($1, $2, $3, 0, $4, $4)
         on conflict on constraint lesson_progress_pk do update
         set touched_at = greatest(lesson_progress.touched_at, excluded.touched_at)",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes how far a video was watched.
pub async fn save_playback(
    conn: &mut PgConnection,
    key: Key,
    playback: &Playback,
    percent: u8,
) -> Result<(), sqlx::Error> {
    let watched: Vec<i32> =
        playback.watched.ranges().iter().flat_map(|(start, end)| [integer(*start), integer(*end)]).collect();
    let position = playback.position.as_ref();
    sqlx::query(
        "update lesson_progress
         set percent = $4,
             media_id = $5,
             watched = $6,
             position_ms = $7,
             position_client_at = $8,
             position_player = $9,
             position_sequence = $10
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(i16::from(percent))
    .bind(playback.media.as_str())
    .bind(watched)
    .bind(position.map(|position| integer(position.at_ms)))
    .bind(position.map(|position| position.client_at))
    .bind(position.map(|position| position.player.as_str()))
    .bind(position.map(|position| position.sequence))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the points of a graded attempt if they are the best so far, as a share of what was possible.
pub async fn save_best(conn: &mut PgConnection, key: Key, score: i32, max_score: i32) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update lesson_progress
         set best_score = $4,
             best_max_score = $5,
             percent = $4::bigint * 100 / $5
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3
           and (best_score is null or $4::bigint * best_max_score > best_score::bigint * $5)",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(score)
    .bind(max_score)
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks a lesson as completed; false if it was so before.
pub async fn complete(conn: &mut PgConnection, key: Key, now: OffsetDateTime) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "update lesson_progress
         set completed_at = $4
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3
           and completed_at is null",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// A lesson that is completed by saying so has no other measure.
pub async fn fill(conn: &mut PgConnection, key: Key) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update lesson_progress
         set percent = 100
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .execute(conn)
    .await?;
    Ok(())
}

/// The lessons that the learner completed in an enrolment.
pub async fn completed(
    db: impl PgExecutor<'_>,
    learner: LearnerId,
    enrolment: EnrolmentId,
) -> Result<BTreeSet<LessonId>, sqlx::Error> {
    let rows: Vec<LessonId> = sqlx::query_scalar(
        "select lesson_id
         from lesson_progress
         where learner_id = $1
           and enrolment_id = $2
           and completed_at is not null",
    )
    .bind(learner)
    .bind(enrolment)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}
