//! The outline: sections and lessons in order, with everything that decides who may open what. Bodies live in `content`.
//!
//! The same type is edited as a draft and frozen as a version.

use values::Named;

use super::{
    Refusal,
    content::Video,
    course::Title,
    id::{LessonId, SectionId},
};

/// How many sections an outline has at most.
pub const MAX_SECTIONS: usize = 100;
/// How many lessons an outline has at most, all sections together.
pub const MAX_LESSONS: usize = 500;

/// How much a required lesson counts in the progress, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight(u8);

/// A number that is no weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 100, or 0 for the default of 1")]
pub struct BadWeight;

values::mistake!(BadWeight => OutOfRange, min = 0, max = 100);

impl Weight {
    pub const ONE: Self = Self(1);

    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u32> for Weight {
    type Error = BadWeight;

    /// Takes 0 for the default.
    fn try_from(number: u32) -> Result<Self, BadWeight> {
        match u8::try_from(number) {
            Ok(0) => Ok(Self::ONE),
            Ok(number) if number <= 100 => Ok(Self(number)),
            _ => Err(BadWeight),
        }
    }
}

/// After how many days a lesson opens, 0 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReleaseDays(u16);

/// A number of days that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 0 to 1000")]
pub struct BadReleaseDays;

values::mistake!(BadReleaseDays => OutOfRange, min = 0, max = 1_000);

impl ReleaseDays {
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for ReleaseDays {
    type Error = BadReleaseDays;

    fn try_from(days: u32) -> Result<Self, BadReleaseDays> {
        match u16::try_from(days) {
            Ok(days) if days <= 1_000 => Ok(Self(days)),
            _ => Err(BadReleaseDays),
        }
    }
}

/// What a lesson consists of, as far as access and progress have to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LessonKind {
    Text,
    Video(Video),
    File,
    Quiz,
}

/// The name of a kind of lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum LessonKindName {
    Text,
    Video,
    File,
    Quiz,
}

impl LessonKind {
    pub const fn name(&self) -> LessonKindName {
        match self {
            Self::Text => LessonKindName::Text,
            Self::Video(_) => LessonKindName::Video,
            Self::File => LessonKindName::File,
            Self::Quiz => LessonKindName::Quiz,
        }
    }

    pub fn same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A lesson without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonCard {
    pub id: LessonId,
    pub title: Title,
    pub kind: LessonKind,
    pub required: bool,
    pub weight: Weight,
    pub free_preview: bool,
    pub release_after: ReleaseDays,
}

/// A section with its lessons in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub id: SectionId,
    pub title: Title,
    pub lessons: Vec<LessonCard>,
}

/// Sections in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    pub sections: Vec<Section>,
}

impl Outline {
    /// Takes sections that were put together elsewhere.
    pub fn new(sections: Vec<Section>) -> Result<Self, Refusal> {
        let outline = Self { sections };
        if outline.sections.len() > MAX_SECTIONS {
            return Err(Refusal::TooManySections);
        }
        if outline.lessons().count() > MAX_LESSONS {
            return Err(Refusal::TooManyLessons);
        }
        let sections = outline.sections.iter().map(|section| section.id.uuid());
        let mut ids: Vec<_> = sections.chain(outline.lessons().map(|lesson| lesson.id.uuid())).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Refusal::DuplicateId { id: pair[0].to_string() }),
            None => Ok(outline),
        }
    }

    /// Every lesson in order.
    pub fn lessons(&self) -> impl Iterator<Item = &LessonCard> {
        self.sections.iter().flat_map(|section| &section.lessons)
    }

    /// A lesson with its section.
    pub fn lesson(&self, id: LessonId) -> Result<(&Section, &LessonCard), Refusal> {
        let in_section = |section| find_lesson(section, id).map(|lesson| (section, lesson));
        self.sections.iter().find_map(in_section).ok_or(Refusal::LessonNotFound)
    }

    /// Whether a version may be taken: somebody has to be able to complete it.
    pub fn publishable(&self) -> Result<(), Refusal> {
        if self.lessons().any(|lesson| lesson.required) { Ok(()) } else { Err(Refusal::NothingToPublish) }
    }

    pub fn insert_section(&mut self, id: SectionId, title: Title, position: Option<usize>) -> Result<(), Refusal> {
        if self.sections.len() >= MAX_SECTIONS {
            return Err(Refusal::TooManySections);
        }
        insert(&mut self.sections, position, Section { id, title, lessons: Vec::new() });
        Ok(())
    }

    pub fn rename_section(&mut self, id: SectionId, title: Title) -> Result<(), Refusal> {
        self.section_mut(id)?.title = title;
        Ok(())
    }

    pub fn move_section(&mut self, id: SectionId, position: usize) -> Result<(), Refusal> {
        let section = self.remove_section(id)?;
        insert(&mut self.sections, Some(position), section);
        Ok(())
    }

    /// Takes a section out, with its lessons.
    pub fn remove_section(&mut self, id: SectionId) -> Result<Section, Refusal> {
        let at = self.sections.iter().position(|section| section.id == id).ok_or(Refusal::SectionNotFound)?;
        Ok(self.sections.remove(at))
    }

    pub fn insert_lesson(
        &mut self,
        section: SectionId,
        lesson: LessonCard,
        position: Option<usize>,
    ) -> Result<(), Refusal> {
        if self.lessons().count() >= MAX_LESSONS {
            return Err(Refusal::TooManyLessons);
        }
        insert(&mut self.section_mut(section)?.lessons, position, lesson);
        Ok(())
    }

    /// Puts a changed lesson in the place of the one with the same id. Its kind stays: progress counts by it.
    pub fn replace_lesson(&mut self, lesson: LessonCard) -> Result<(), Refusal> {
        let mut lessons = self.sections.iter_mut().flat_map(|section| &mut section.lessons);
        let place = lessons.find(|there| there.id == lesson.id).ok_or(Refusal::LessonNotFound)?;
        if !place.kind.same(&lesson.kind) {
            return Err(Refusal::KindChanged);
        }
        *place = lesson;
        Ok(())
    }

    pub fn move_lesson(&mut self, id: LessonId, to: Option<SectionId>, position: usize) -> Result<(), Refusal> {
        let (from, _) = self.lesson(id)?;
        let to = to.unwrap_or(from.id);
        // Looked up before anything is taken out, so that a refusal leaves the outline as it was.
        self.section_mut(to)?;
        let lesson = self.remove_lesson(id)?;
        insert(&mut self.section_mut(to)?.lessons, Some(position), lesson);
        Ok(())
    }

    pub fn remove_lesson(&mut self, id: LessonId) -> Result<LessonCard, Refusal> {
        for section in &mut self.sections {
            if let Some(at) = section.lessons.iter().position(|lesson| lesson.id == id) {
                return Ok(section.lessons.remove(at));
            }
        }
        Err(Refusal::LessonNotFound)
    }

    fn section_mut(&mut self, id: SectionId) -> Result<&mut Section, Refusal> {
        self.sections.iter_mut().find(|section| section.id == id).ok_or(Refusal::SectionNotFound)
    }
}

fn find_lesson(section: &Section, id: LessonId) -> Option<&LessonCard> {
    section.lessons.iter().find(|lesson| lesson.id == id)
}

/// A place beyond the end is the end: two editors who append at once both mean it.
fn insert<T>(list: &mut Vec<T>, position: Option<usize>, item: T) {
    let at = position.unwrap_or(list.len()).min(list.len());
    list.insert(at, item);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    pub(crate) fn lesson(title: &str) -> LessonCard {
        LessonCard {
            id: LessonId::new(datetime!(2026-03-02 09:00 UTC)),
            title: Title::parse(title).unwrap(),
            kind: LessonKind::Text,
            required: true,
            weight: Weight::ONE,
            free_preview: false,
            release_after: ReleaseDays::default(),
        }
    }

    pub(crate) fn section(title: &str, lessons: Vec<LessonCard>) -> Section {
        Section { id: SectionId::new(datetime!(2026-03-02 09:00 UTC)), title: Title::parse(title).unwrap(), lessons }
    }

    fn titles(outline: &Outline) -> Vec<Vec<&str>> {
        outline.sections.iter().map(|s| s.lessons.iter().map(|lesson| lesson.title.as_str()).collect()).collect()
    }

    fn two_sections() -> Outline {
        Outline::new(vec![section("one", vec![lesson("a"), lesson("b")]), section("two", vec![lesson("c")])]).unwrap()
    }

    #[test]
    fn a_lesson_moves_within_and_between_sections() {
        let mut outline = two_sections();
        let a = outline.sections[0].lessons[0].id;
        outline.move_lesson(a, None, 1).unwrap();
        assert_eq!(titles(&outline), [vec!["b", "a"], vec!["c"]]);
        outline.move_lesson(a, Some(outline.sections[1].id), 0).unwrap();
        assert_eq!(titles(&outline), [vec!["b"], vec!["a", "c"]]);
        outline.move_lesson(a, None, 99).unwrap();
        assert_eq!(titles(&outline), [vec!["b"], vec!["c", "a"]], "beyond the end is the end");
    }

    #[test]
    fn a_refused_move_leaves_the_outline_as_it_was() {
        let mut outline = two_sections();
        let before = outline.clone();
        let nowhere = SectionId::new(datetime!(2026-03-02 09:00 UTC));
        let a = outline.sections[0].lessons[0].id;
        assert_eq!(outline.move_lesson(a, Some(nowhere), 0), Err(Refusal::SectionNotFound));
        assert_eq!(outline, before);
    }

    #[test]
    fn a_lesson_keeps_its_kind() {
        let mut outline = two_sections();
        let changed = LessonCard { kind: LessonKind::Quiz, ..outline.sections[0].lessons[0].clone() };
        assert_eq!(outline.replace_lesson(changed), Err(Refusal::KindChanged));
    }

    #[test]
    fn nothing_required_means_nothing_to_publish() {
        let optional = LessonCard { required: false, ..lesson("a") };
        let outline = Outline::new(vec![section("one", vec![optional])]).unwrap();
        assert_eq!(outline.publishable(), Err(Refusal::NothingToPublish));
        assert_eq!(two_sections().publishable(), Ok(()));
    }

    #[test]
    fn an_id_stands_in_an_outline_once() {
        let twice = lesson("a");
        let refused = Outline::new(vec![section("one", vec![twice.clone()]), section("two", vec![twice.clone()])]);
        assert_eq!(refused, Err(Refusal::DuplicateId { id: twice.id.to_string() }));
    }

    proptest! {
        #[test]
        fn moving_loses_and_doubles_nothing(moves in prop::collection::vec((0..6_usize, 0..3_usize, 0..8_usize), 0..20)) {
            let mut outline = Outline::new(vec![
                section("one", vec![lesson("a"), lesson("b"), lesson("c")]),
                section("two", vec![lesson("d"), lesson("e"), lesson("f")]),
                section("three", vec![]),
            ]).unwrap();
            let mut before: Vec<_> = outline.lessons().map(|lesson| lesson.id).collect();
            let lessons = before.clone();
            let sections: Vec<_> = outline.sections.iter().map(|section| section.id).collect();
            for (lesson, to, position) in moves {
                outline.move_lesson(lessons[lesson], Some(sections[to]), position).unwrap();
                outline.move_section(sections[to], position).unwrap();
            }
            let mut after: Vec<_> = outline.lessons().map(|lesson| lesson.id).collect();
            before.sort_unstable();
            after.sort_unstable();
            prop_assert_eq!(before, after);
            prop_assert_eq!(outline.sections.len(), 3);
        }
    }
}
