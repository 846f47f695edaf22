//! Courses as the catalogue and the editors see them. Contents live in `drafts` and `versions`.

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;
use values::{Language, Named, Record};

use crate::domain::{
    course::{Course, CourseState, Level, Tags},
    id::CourseId,
};

pub async fn insert(conn: &mut PgConnection, course: &Course) -> Result<(), sqlx::Error> {
    pg::insert(conn, "courses", course).await
}

pub async fn update(conn: &mut PgConnection, course: &Course) -> Result<(), sqlx::Error> {
    pg::update(conn, "courses", course).await
}

/// A course in any state, for editors.
pub async fn find(db: impl PgExecutor<'_>, id: CourseId) -> Result<Option<Course>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Course, " from courses where course_id = $1")).bind(id).fetch_optional(db).await
}

/// The same, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: CourseId) -> Result<Option<Course>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Course, " from courses where course_id = $1 for no key update"))
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// A course that everybody may see.
pub async fn find_published(db: impl PgExecutor<'_>, id: CourseId) -> Result<Option<Course>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Course, " from courses where course_id = $1 and state = 'published'"))
        .bind(id)
        .fetch_optional(db)
        .await
}

/// A course as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Card {
    #[record(name = "course_id")]
    pub id: CourseId,
    pub state: CourseState,
    pub language: Language,
    pub level: Option<Level>,
    pub title: String,
    pub summary: String,
    pub tags: Vec<String>,
    pub cover_media_id: Option<String>,
    pub published_at: Option<OffsetDateTime>,
    pub updated_at: OffsetDateTime,
}

/// Which courses to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub state: Option<CourseState>,
    pub language: Option<Language>,
    pub level: Option<Level>,
    pub tags: Tags,
}

impl Filter {
    /// Adds the conditions that are asked for, so that each statement finds its index.
    fn push_to(&self, query: &mut QueryBuilder<Postgres>) {
        if let Some(state) = self.state {
            query.push(" and state = ").push_bind(state);
        }
        if let Some(language) = self.language {
            query.push(" and language = ").push_bind(language);
        }
        if let Some(level) = self.level {
            query.push(" and level = ").push_bind(level);
        }
        if !self.tags.as_slice().is_empty() {
            query.push(" and tags @> ").push_bind(self.tags.clone());
        }
    }
}

/// The last course of a page in the catalogue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AfterPublished {
    pub published_at: Option<OffsetDateTime>,
    pub course: Uuid,
}

/// Published courses, the newest first.
pub async fn list_published(
    db: impl PgExecutor<'_>,
    filter: &Filter,
    after: Option<AfterPublished>,
    limit: i64,
) -> Result<Vec<Card>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Card, " from courses where state = 'published'"));
    filter.push_to(&mut query);
    if let Some(after) = after {
        query.push(" and (published_at, course_id) < (").push_bind(after.published_at);
        query.push(", ").push_bind(after.course).push(")");
    }
    query.push(" order by published_at desc, course_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

/// In which order the editors' list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum Order {
    #[default]
    CreatedAtDesc,
    Title,
    UpdatedAtDesc,
}

/// Where a page of the editors' list begins: after this course. Beside the id stands what the list is in the order of, as
/// it was when the page before was read: a course that changes since then moves no page.
pub type After = (Option<String>, Option<OffsetDateTime>, CourseId);

/// Where the page after this course begins.
pub fn after(order: Order, last: &Card) -> After {
    match order {
        Order::CreatedAtDesc => (None, None, last.id),
        Order::Title => (Some(last.title.clone()), None, last.id),
        Order::UpdatedAtDesc => (None, Some(last.updated_at), last.id),
    }
}

/// Courses in every state, for editors; `title` has words of the title, each of which may be unfinished.
pub async fn list(
    db: impl PgExecutor<'_>,
    filter: &Filter,
    title: Option<&str>,
    order: Order,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Card>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Card, " from courses where true"));
    filter.push_to(&mut query);
    if let Some(title) = title {
        // As the index `courses_title_words_ix` has it.
        query.push(" and to_tsvector('simple', translate(title, 'ёЁ', 'еЕ')) @@ to_tsquery('simple', ");
        query.push_bind(beginnings(title)).push(")");
    }
    if let Some((title, updated_at, id)) = after {
        match order {
            Order::CreatedAtDesc => query.push(" and course_id < ").push_bind(id),
            Order::Title => {
                query.push(" and (title, course_id) > (").push_bind(title).push(", ").push_bind(id).push(")")
            }
            Order::UpdatedAtDesc => {
                query.push(" and (updated_at, course_id) < (").push_bind(updated_at).push(", ").push_bind(id).push(")")
            }
        };
    }
    query.push(match order {
        Order::CreatedAtDesc => " order by course_id desc limit ",
        Order::Title => " order by title, course_id limit ",
        Order::UpdatedAtDesc => " order by updated_at desc, course_id desc limit ",
    });
    query.push_bind(limit).build_query_as().fetch_all(db).await
}

/// A query for texts that have all of these words or words that begin so; nothing is found where there is no word.
fn beginnings(words: &str) -> String {
    let words: String = words.chars().map(plain_yo).collect();
    let words = words.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("{word}:*")).collect::<Vec<_>>().join(" & ")
}

/// The last course of a page of findings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AfterFound {
    pub rank: i32,
    pub course: Uuid,
}

/// A course that was found, and how well it fits, in millionths.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Found {
    #[record(flatten)]
    pub card: Card,
    pub rank: i32,
}

/// How courses are searched: the words, those before the last one, the last one if it may be unfinished, the filter, the last
/// course of the page before, and how many.
pub const SEARCH: &str = pg::sql!(
    "with asked as (
         select websearch_to_tsquery('russian', $1) || websearch_to_tsquery('english', $1)
             || case
                    when $3 = '' then ''::tsquery
                    else (websearch_to_tsquery('russian', $2) || websearch_to_tsquery('english', $2))
                        && to_tsquery('simple', $3 || ':*')
                end as query
     ),
     found as (
         select ",
    Card,
    ", (ts_rank(search, query) * 1000000)::integer as rank
         from courses, asked
         where state = 'published'
           and search @@ query
           and ($4::text is null or language = $4)
           and ($5::text is null or level = $5)
           and tags @> $6
     )
     select ",
    Found,
    " from found
     where $7::integer is null or (rank, course_id) < ($7, $8::uuid)
     order by rank desc, course_id desc
     limit $9"
);

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
    sqlx::query_as(SEARCH)
        .bind(&words)
        .bind(head)
        .bind(beginning)
        .bind(filter.language)
        .bind(filter.level)
        .bind(&filter.tags)
        .bind(after.as_ref().map(|after| after.rank))
        .bind(after.map(|after| after.course))
        .bind(limit)
        .fetch_all(db)
        .await
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
