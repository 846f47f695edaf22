//! Outlines of published versions, kept in memory: a version never changes, so that a kept one is never stale.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pg::Pool;

use super::versions;
use crate::domain::{id::CourseId, outline::Outline};

/// How many are kept; an outline of 100 lessons takes some 30 kB.
const KEPT: usize = 128;

type Key = (CourseId, i32);

/// The outlines that were read last, roughly.
#[derive(Debug, Default)]
pub struct Outlines {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    outlines: HashMap<Key, Arc<Outline>>,
    /// In the order in which they came; the oldest leaves first.
    order: VecDeque<Key>,
}

impl Outlines {
    /// The outline of a version. A version that does not exist is a broken reference, because runs have a foreign key.
    pub async fn get(&self, db: &Pool, course: CourseId, version: i32) -> Result<Arc<Outline>, sqlx::Error> {
        if let Some(outline) = self.kept().outlines.get(&(course, version)) {
            return Ok(Arc::clone(outline));
        }
        let outline = Arc::new(versions::outline(db, course, version).await?.ok_or(sqlx::Error::RowNotFound)?);
        self.kept().keep((course, version), Arc::clone(&outline));
        Ok(outline)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, key: Key, outline: Arc<Outline>) {
        if self.outlines.insert(key, outline).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.outlines.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leaves_when_there_are_too_many() {
        let course = CourseId::from_uuid(uuid::Uuid::nil());
        let mut kept = Kept::default();
        for version in 0..=i32::try_from(KEPT).unwrap() {
            kept.keep((course, version), Arc::default());
            kept.keep((course, version), Arc::default());
        }
        assert_eq!((kept.outlines.len(), kept.order.len()), (KEPT, KEPT));
        assert!(!kept.outlines.contains_key(&(course, 0)));
    }
}
