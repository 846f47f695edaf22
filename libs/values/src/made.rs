//! Ranges of time as ranges of ids: our ids begin with the moment in which they were made, so that a range of time is a
//! range of the key, and of every index that ends with it.

use sqlx::{Postgres, QueryBuilder};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Id;

/// From one instant, before another one.
pub type Range = (Option<OffsetDateTime>, Option<OffsetDateTime>);

/// The first id that something made in this millisecond or later can have.
pub fn first_id<K>(at: OffsetDateTime) -> Id<K> {
    let milliseconds = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    Id::from_uuid(Uuid::from_u128(milliseconds << 80))
}

/// The first id after that millisecond.
pub fn next_id<K>(at: OffsetDateTime) -> Id<K> {
    first_id(at.saturating_add(Duration::MILLISECOND))
}

/// Asks only for what was made in this range: by the instant in the first column, and by the id in the second one.
///
/// Only where the id carries that instant, as [`Id::new`] makes it.
pub fn within(query: &mut QueryBuilder<Postgres>, (at, id): (&str, &str), (from, before): Range) {
    if let Some(from) = from {
        query.push(format_args!(" and {at} >= ")).push_bind(from);
        query.push(format_args!(" and {id} >= ")).push_bind(first_id::<()>(from));
    }
    if let Some(before) = before {
        query.push(format_args!(" and {at} < ")).push_bind(before);
        query.push(format_args!(" and {id} < ")).push_bind(next_id::<()>(before));
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    crate::kinds! { Course => "course" }

    #[test]
    fn an_id_is_in_the_millisecond_in_which_it_was_made() {
        let at = datetime!(2026-12-01 10:00:00.123456 UTC);
        let made = Id::<Course>::new(at);
        assert!(first_id(at) <= made && made < next_id(at));
        assert!(made < first_id(at + Duration::MILLISECOND));
        assert_eq!(first_id::<Course>(datetime!(1900-01-01 0:00 UTC)).uuid(), Uuid::nil(), "before ids began");
    }

    #[test]
    fn only_the_ends_that_are_asked_for_are_conditions() {
        let at = datetime!(2026-12-01 10:00 UTC);
        let sql = |range| {
            let mut query = QueryBuilder::new("");
            within(&mut query, ("created_at", "course_id"), range);
            query.sql().as_str().to_owned()
        };
        assert_eq!(sql((None, None)), "");
        assert_eq!(sql((Some(at), None)), " and created_at >= $1 and course_id >= $2");
        assert_eq!(sql((None, Some(at))), " and created_at < $1 and course_id < $2");
    }
}
