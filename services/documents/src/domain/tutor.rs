//! Whether somebody may teach: what the papers that are verified amount to.

use time::{Date, OffsetDateTime};
use values::Record;

use super::{
    id::UserId,
    paper::{AskedPapers, PaperKind},
};

/// Somebody who has handed in a paper.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Tutor {
    #[record(name = "tutor_id")]
    pub id: UserId,
    #[record(flatten)]
    pub standing: Standing,
    /// The papers that were asked for when the standing was worked out.
    pub asked: String,
    /// Grows with each event about it.
    pub version: i64,
    pub erased_at: Option<OffsetDateTime>,
}

/// A tutor's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A paper that the school asks for is missing.
    Unverified,
    /// All are there.
    Verified {
        /// The last day on which that is so; none where no paper runs out.
        until: Option<Date>,
    },
}

/// A paper that was verified and not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub struct VerifiedPaper {
    pub kind: PaperKind,
    /// The last day on which it is valid.
    #[record(name = "valid_until")]
    pub until: Option<Date>,
}

/// Why a standing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
#[named(capitals)]
pub enum Ended {
    /// A paper ran out.
    Expired,
    /// The school took it back, or asks for more papers than before.
    Revoked,
}

/// What everybody else has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// May teach, until then.
    Verified(Option<Date>),
    /// May not teach any more.
    Ended(Ended),
}

impl Standing {
    /// What the papers amount to today: of each kind the one that lasts longest, of all kinds the one that ends first.
    pub fn of(asked: &AskedPapers, verified: &[VerifiedPaper], today: Date) -> Self {
        let lasting = |kind: &PaperKind| {
            let valid =
                verified.iter().filter(|paper| paper.kind == *kind).map(|paper| paper.until.unwrap_or(Date::MAX));
            valid.filter(|until| *until >= today).max()
        };
        match asked.kinds().iter().map(lasting).collect::<Option<Vec<Date>>>() {
            None => Self::Unverified,
            Some(days) => Self::Verified { until: days.into_iter().min().filter(|until| *until < Date::MAX) },
        }
    }

    /// What is announced where this became `after`. Nothing if nothing changed.
    pub fn news(self, after: Self, ended: Ended) -> Option<News> {
        match (self, after) {
            (before, after) if before == after => None,
            (_, Self::Verified { until }) => Some(News::Verified(until)),
            (Self::Verified { .. }, Self::Unverified) => Some(News::Ended(ended)),
            (Self::Unverified, Self::Unverified) => None,
        }
    }

    /// The last day of it; none for ever, or if there is none.
    pub fn until(self) -> Option<Date> {
        if let Self::Verified { until } = self { until } else { None }
    }

    /// Whether somebody may teach on a day. The clockwork may not have noticed yet that a paper ran out.
    pub fn holds(self, today: Date) -> bool {
        matches!(self, Self::Verified { until } if until.is_none_or(|until| until >= today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    const TODAY: Date = date!(2026 - 03 - 02);

    fn paper(kind: PaperKind, until: Option<Date>) -> VerifiedPaper {
        VerifiedPaper { kind, until }
    }

    #[test]
    fn every_paper_that_is_asked_for_has_to_be_there() {
        let asked = AskedPapers::default();
        let identity = paper(PaperKind::Identity, None);
        assert_eq!(Standing::of(&asked, &[identity], TODAY), Standing::Unverified);
        let tax = paper(PaperKind::TaxStatus, None);
        assert_eq!(Standing::of(&asked, &[identity, tax], TODAY), Standing::Unverified, "another paper does not help");
        let education = paper(PaperKind::Education, None);
        assert_eq!(Standing::of(&asked, &[identity, education], TODAY), Standing::Verified { until: None });
    }

    #[test]
    fn the_first_paper_to_run_out_ends_it_and_a_renewed_one_counts_by_its_last_day() {
        let asked = AskedPapers::default();
        let (soon, later) = (date!(2026 - 04 - 01), date!(2031 - 05 - 31));
        let papers = [
            paper(PaperKind::Identity, Some(soon)),
            paper(PaperKind::Identity, Some(later)),
            paper(PaperKind::Education, None),
        ];
        assert_eq!(Standing::of(&asked, &papers, TODAY), Standing::Verified { until: Some(later) });
        assert_eq!(Standing::of(&asked, &papers[..1], TODAY), Standing::Unverified);
        let two = [papers[0], paper(PaperKind::Education, Some(later))];
        assert_eq!(Standing::of(&asked, &two, TODAY), Standing::Verified { until: Some(soon) });
        assert_eq!(Standing::of(&asked, &two, date!(2026 - 04 - 01)), Standing::Verified { until: Some(soon) });
        assert_eq!(Standing::of(&asked, &two, date!(2026 - 04 - 02)), Standing::Unverified, "the last day is included");
    }

    #[test]
    fn only_news_is_told() {
        let (never, for_ever) = (Standing::Unverified, Standing::Verified { until: None });
        let limited = Standing::Verified { until: Some(TODAY) };
        assert_eq!(never.news(never, Ended::Expired), None);
        assert_eq!(for_ever.news(for_ever, Ended::Expired), None);
        assert_eq!(never.news(for_ever, Ended::Expired), Some(News::Verified(None)));
        assert_eq!(for_ever.news(limited, Ended::Expired), Some(News::Verified(Some(TODAY))));
        assert_eq!(limited.news(never, Ended::Expired), Some(News::Ended(Ended::Expired)));
        assert!(limited.holds(TODAY) && for_ever.holds(Date::MAX));
        assert!(!never.holds(TODAY) && !limited.holds(date!(2026 - 03 - 03)));
    }
}
