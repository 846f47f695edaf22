//! Courses as the catalogue and the editors see them. Contents live in `drafts` and `versions`.

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;
use values::Language;

use super::{known, stored};
use crate::domain::{
    course::{Course, CoursePage, CourseState, Description, Level, MediaId, Summary, Tags, Title},
    id::CourseId,
};

#[derive(sqlx::FromRow)]
struct CourseRow {
    course_id: CourseId,
    state: String,
    language: String,
    level: Option<String>,
    title: String,
    summary: String,
    description: String,
    tags: Vec<String>,
    cover_media_id: Option<String>,
    latest_version: i32,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    published_at: Option<OffsetDateTime>,
}

impl CourseRow {
    fn course(self) -> Result<Course, sqlx::Error> {
        Ok(Course {
            id: self.course_id,
            state: known("state of a course", &self.state, CourseState::parse(&self.state))?,
            page: CoursePage {
                language: stored(self.language.parse::<Language>())?,
                level: self.level.as_deref().and_then(Level::parse),
                title: stored(Title::parse(&self.title))?,
                summary: stored(Summary::parse(&self.summary))?,
                description: stored(Description::parse(&self.description))?,
                tags: Tags::stored(self.tags),
                cover: self
                    .cover_media_id
                    .as_deref()
                    .map(MediaId::parse)
                    .transpose()
                    .map_err(|error| sqlx::Error::Decode(error.into()))?,
            },
            latest_version: self.latest_version,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            published_at: self.published_at,
        })
    }
}

macro_rules! columns {
    () => {
        "course_id, state, language, level, title, summary, description, tags, cover_media_id,
         latest_version, revision, created_at, updated_at, published_at"
    };
}

pub async fn insert(conn: &mut PgConnection, course: &Course) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "insert into courses (",
        columns!(),
        ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    ))
    .bind(course.id)
    .bind(course.state.as_str())
    .bind(course.page.language.as_str())
    .bind(course.page.level.map(Level::as_str))
    .bind(course.page.title.as_str())
    .bind(course.page.summary.as_str())
    .bind(course.page.description.as_str())
    .bind(course.page.tags.as_slice())
    .bind(course.page.cover.as_ref().map(MediaId::as_str))
    .bind(course.latest_version)
    .bind(course.revision)
    .bind(course.created_at)
    .bind(course.updated_at)
    .bind(course.published_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, course: &Course) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update courses
         set state = $2,
             language = $3,
             level = $4,
             title = $5,
             summary = $6,
             description = $7,
             tags = $8,
             cover_media_id = $9,
             latest_version = $10,
             revision = $11,
             updated_at = $12,
             published_at = $13
         where course_id = $1",
    )
    .bind(course.id)
    .bind(course.state.as_str())
    .bind(course.page.language.as_str())
    .bind(course.page.level.map(Level::as_str))
    .bind(course.page.title.as_str())
    .bind(course.page.summary.as_str())
    .bind(course.page.description.as_str())
    .bind(course.page.tags.as_slice())
    .bind(course.page.cover.as_ref().map(MediaId::as_str))
    .bind(course.latest_version)
    .bind(course.revision)
    .bind(course.updated_at)
    .bind(course.published_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A course in any state, for editors.
pub async fn find(db: impl PgExecutor<'_>, id: CourseId) -> Result<Option<Course>, sqlx::Error> {
    let row: Option<CourseRow> = sqlx::query_as(concat!("select ", columns!(), " from courses where course_id = $1"))
        .bind(id)
        .fetch_optional(db)
        .await?;
    row.map(CourseRow::course).transpose()
}

/// The same, held until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: CourseId) -> Result<Option<Course>, sqlx::Error> {
    let row: Option<CourseRow> =
        sqlx::query_as(concat!("select ", columns!(), " from courses where course_id = $1 for no key update"))
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(CourseRow::course).transpose()
}

/// A course that everybody may see.
pub async fn find_published(db: impl PgExecutor<'_>, id: CourseId) -> Result<Option<Course>, sqlx::Error> {
    let row: Option<CourseRow> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from courses
         where course_id = $1
           and state = 'published'"
    ))
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(CourseRow::course).transpose()
}

/// A course as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub id: CourseId,
    pub state: CourseState,
    pub language: Language,
    pub level: Option<Level>,
    pub title: String,
    pub summary: String,
    pub tags: Vec<String>,
    pub cover_media_id: Option<String>,
    pub published_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
struct CardRow {
    course_id: CourseId,
    state: String,
    language: String,
    level: Option<String>,
    title: String,
    summary: String,
    tags: Vec<String>,
    cover_media_id: Option<String>,
    published_at: Option<OffsetDateTime>,
}

impl CardRow {
    fn card(self) -> Result<Card, sqlx::Error> {
        Ok(Card {
            id: self.course_id,
            state: known("state of a course", &self.state, CourseState::parse(&self.state))?,
            language: stored(self.language.parse::<Language>())?,
            level: self.level.as_deref().and_then(Level::parse),
            title: self.title,
            summary: self.summary,
            tags: self.tags,
            cover_media_id: self.cover_media_id,
            published_at: self.published_at,
        })
    }
}

/// Which courses to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub state: Option<CourseState>,
    pub language: Option<Language>,
    pub level: Option<Level>,
    pub tags: Tags,
}

/// The last course of a page in the catalogue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AfterPublished {
    pub published_at: Option<OffsetDateTime>,
    pub course: Uuid,
}

/// Published courses, the newest first; the filter's state does not count.
pub async fn list_published(
    db: impl PgExecutor<'_>,
    filter: &Filter,
    after: Option<AfterPublished>,
    limit: i64,
) -> Result<Vec<Card>, sqlx::Error> {
    let rows: Vec<CardRow> = sqlx::query_as(
        "select course_id, state, language, level, title, summary, tags, cover_media_id, published_at
         from courses
         where state = 'published'
           and ($1::text is null or language = $1)
           and ($2::text is null or level = $2)
           and tags @> $3
           and ($4::timestamptz is null or (published_at, course_id) < ($4, $5::uuid))
         order by published_at desc, course_id desc
         limit $6",
    )
    .bind(filter.language.map(Language::as_str))
    .bind(filter.level.map(Level::as_str))
    .bind(filter.tags.as_slice())
    .bind(after.as_ref().and_then(|after| after.published_at))
    .bind(after.map(|after| after.course))
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(CardRow::card).collect()
}

/// Courses in every state, the newest first.
pub async fn list(
    db: impl PgExecutor<'_>,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Card>, sqlx::Error> {
    let rows: Vec<CardRow> = sqlx::query_as(
        "select course_id, state, language, level, title, summary, tags, cover_media_id, published_at
         from courses
         where ($1::text is null or state = $1)
           and ($2::text is null or language = $2)
           and ($3::text is null or level = $3)
           and tags @> $4
           and ($5::uuid is null or course_id < $5)
         order by course_id desc
         limit $6",
    )
    .bind(filter.state.map(CourseState::as_str))
    .bind(filter.language.map(Language::as_str))
    .bind(filter.level.map(Level::as_str))
    .bind(filter.tags.as_slice())
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(CardRow::card).collect()
}

/// The last course of a page of findings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AfterFound {
    pub rank: i32,
    pub course: Uuid,
}

/// A course that was found, and how well it fits, in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub card: Card,
    pub rank: i32,
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    card: CardRow,
    rank: i32,
}

/// How courses are searched: the words, those before the last one, the last one if it may be unfinished, the filter, the last
/// course of the page before, and how many.
pub const SEARCH: &str = "with asked as (
         select websearch_to_tsquery('russian', $1) || websearch_to_tsquery('english', $1)
             || case
                    when $3 = '' then ''::tsquery
                    else (websearch_to_tsquery('russian', $2) || websearch_to_tsquery('english', $2))
                        && to_tsquery('simple', $3 || ':*')
                end as query
     ),
     found as (
         select course_id, state, language, level, title, summary, tags, cover_media_id, published_at,
                (ts_rank(search, query) * 1000000)::integer as rank
         from courses, asked
         where state = 'published'
           and search @@ query
           and ($4::text is null or language = $4)
           and ($5::text is null or level = $5)
           and tags @> $6
     )
     select course_id, state, language, level, title, summary, tags, cover_media_id, published_at, rank
     from found
     where $7::integer is null or (rank, course_id) < ($7, $8::uuid)
     order by rank desc, course_id desc
     limit $9";

/// Published courses with these words, best first; the filter's state does not count.
///
/// A text is stemmed in its own language and the words in both, so that either finds its own. Where the last word stands
/// alone at the end it may be unfinished.
pub async fn search(
    db: impl PgExecutor<'_>,
    words: &str,
    filter: &Filter,
    after: Option<AfterFound>,
    limit: i64,
) -> Result<Vec<Found>, sqlx::Error> {
    let words: String = words.chars().map(plain_yo).collect();
    let (head, beginning) = unfinished(&words);
    let rows: Vec<FoundRow> = sqlx::query_as(SEARCH)
        .bind(&words)
        .bind(head)
        .bind(beginning)
        .bind(filter.language.map(Language::as_str))
        .bind(filter.level.map(Level::as_str))
        .bind(filter.tags.as_slice())
        .bind(after.as_ref().map(|after| after.rank))
        .bind(after.map(|after| after.course))
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.into_iter().map(|row| Ok(Found { card: row.card.card()?, rank: row.rank })).collect()
}

/// The index writes `ё` as `е`.
const fn plain_yo(letter: char) -> char {
    match letter {
        'ё' => 'е',
        'Ё' => 'Е',
        other => other,
    }
}

/// Splits off a last word that may be unfinished; empty where the last word is part of something else.
fn unfinished(words: &str) -> (&str, &str) {
    if words.contains('"') {
        return (words, "");
    }
    let (head, last) = words.rsplit_once(char::is_whitespace).unwrap_or(("", words));
    let plain = last.chars().count() >= 2 && last.chars().all(char::is_alphanumeric);
    if plain { (head, last) } else { (words, "") }
}

#[cfg(test)]
mod tests {
    use super::unfinished;

    #[test]
    fn the_last_word_may_be_unfinished_unless_it_is_part_of_something() {
        assert_eq!(unfinished("кройка и шит"), ("кройка и", "шит"));
        assert_eq!(unfinished("програм"), ("", "програм"));
        assert_eq!(unfinished("rust -beginners").1, "");
        assert_eq!(unfinished("\"кройка и шит").1, "");
        assert_eq!(unfinished("c++").1, "");
        assert_eq!(unfinished("").1, "");
    }
}
