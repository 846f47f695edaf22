//! CatalogService at the door.

use contract::{Call, Page, courses as asked, show};
use proto::lyceum::courses::v1 as pb;
use values::{Language, Text};

use super::{Door, show};
use crate::{
    domain::{Refusal, course, id::CourseId},
    error::Result,
    store::{courses, runs},
};

impl Door {
    async fn published(&self, id: CourseId) -> Result<course::Course> {
        Ok(courses::find_published(&self.0.db, id).await?.ok_or(Refusal::CourseNotFound)?)
    }
}

fn filter(language: Option<Language>, level: Option<course::Level>, tags: Vec<Text<1, 40>>) -> courses::Filter {
    courses::Filter { state: None, language, level, tags: course::Tags::of(tags) }
}

impl asked::CatalogService for Door {
    async fn list_courses(&self, _: Call, ask: asked::ListCourses<Self>) -> Result<Page<pb::CourseCard>> {
        let filter = filter(ask.language, ask.level, ask.tags);
        let rows = courses::list_published(&self.0.db, &filter, ask.page.after()?, ask.page.limit()).await?;
        let after =
            |card: &courses::Card| courses::AfterPublished { published_at: card.published_at, course: card.id.uuid() };
        Ok(show(ask.page.cut(rows, after)))
    }

    async fn search_courses(&self, _: Call, ask: asked::SearchCourses<Self>) -> Result<Page<pb::CourseCard>> {
        let filter = filter(ask.language, ask.level, ask.tags);
        let (words, after) = (ask.query.as_str(), ask.page.after()?);
        let rows = courses::search(&self.0.db, words, &filter, after, ask.page.limit()).await?;
        let after = |found: &courses::Found| courses::AfterFound { rank: found.rank, course: found.card.id.uuid() };
        Ok(ask.page.cut(rows, after).map(|found| show(found.card)))
    }

    async fn get_course(&self, _: Call, ask: asked::GetCourse) -> Result<pb::Course> {
        Ok(show(self.published(ask.course_id).await?))
    }

    async fn list_course_runs(&self, _: Call, ask: asked::ListCourseRuns) -> Result<Page<pb::Run>> {
        let course = self.published(ask.course_id).await?;
        let rows = runs::list_published(&self.0.db, course.id, ask.page.after()?, ask.page.limit()).await?;
        let now = self.0.clock.now();
        Ok(ask.page.cut(rows, |run| run.id.uuid()).map(|run| show::run(run, now)))
    }

    async fn get_syllabus(&self, _: Call, ask: asked::GetSyllabus) -> Result<pb::Syllabus> {
        let course = self.published(ask.course_id).await?;
        let outline = self.0.outlines.get(&self.0.db, course.id, course.latest_version).await?;
        Ok(show::syllabus(&course, &outline))
    }
}
