//! Where to go on: one answer out of what is open and what was done.

use super::{access::Lock, id::LessonId, outline::LessonCard, progress::Progress};

/// Picks the lesson to go on with: the one that was begun last if it is not done, else the next open one after it that is
/// not done, else the first such one, else the last one that is open at all.
pub fn next(lessons: &[(&LessonCard, Vec<Lock>)], progress: &Progress) -> Option<LessonId> {
    let is_open = |at: &usize| lessons[*at].1.is_empty();
    let done = |at: &usize| progress.get(&lessons[*at].0.id).is_some_and(|lesson| lesson.completed_at.is_some());
    let to_do = |at: &usize| is_open(at) && !done(at);
    let touched = |at: &usize| progress.get(&lessons[*at].0.id).map(|lesson| lesson.touched_at);

    let last = (0..lessons.len()).filter(|at| touched(at).is_some()).max_by_key(touched);
    let from = last.unwrap_or(0);
    let ahead = (from..lessons.len()).find(to_do);
    let anywhere = || (0..from).find(to_do);
    let reread = || last.filter(is_open).or_else(|| (0..lessons.len()).rfind(is_open));
    ahead.or_else(anywhere).or_else(reread).map(|at| lessons[at].0.id)
}

#[cfg(test)]
mod tests {
    use super::super::enrolment::tests::NOW;
    use super::super::outline::tests::lesson;
    use super::super::progress::LessonProgress;
    use super::*;
    use time::Duration;

    fn touched(minute: i64, completed: bool) -> LessonProgress {
        let touched_at = NOW + Duration::minutes(minute);
        LessonProgress { percent: 50, touched_at, completed_at: completed.then_some(touched_at) }
    }

    #[test]
    fn one_goes_on_where_one_stopped() {
        let cards = [lesson("a"), lesson("b"), lesson("c"), lesson("d")];
        let all = |locked: &[usize]| {
            let locks = |at| if locked.contains(&at) { vec![Lock::RunEnded] } else { vec![] };
            cards.iter().enumerate().map(|(at, card)| (card, locks(at))).collect::<Vec<_>>()
        };
        let resumed = |locked: &[usize], progress: &[(usize, LessonProgress)]| {
            let progress = progress.iter().map(|(at, lesson)| (cards[*at].id, *lesson)).collect();
            next(&all(locked), &progress).map(|id| cards.iter().position(|card| card.id == id).unwrap())
        };
        assert_eq!(resumed(&[], &[]), Some(0), "a beginner begins");
        assert_eq!(resumed(&[], &[(0, touched(9, false)), (2, touched(5, false))]), Some(0), "what was begun last");
        assert_eq!(resumed(&[], &[(0, touched(1, true)), (1, touched(2, true))]), Some(2), "what comes next");
        assert_eq!(resumed(&[2], &[(1, touched(2, true))]), Some(3), "a locked lesson is passed over");
        assert_eq!(resumed(&[2, 3], &[(1, touched(2, true))]), Some(0), "what was left out");
        let done: Vec<_> = (0..4).map(|at| (at, touched(at as i64, true))).collect();
        assert_eq!(resumed(&[], &done), Some(3), "who is done reads again");
        assert_eq!(resumed(&[0, 1, 2, 3], &[]), None);
        assert_eq!(next(&[], &Progress::new()), None);
    }
}
