//! "Did you mean": the known name that a mistyped one is nearest to.

/// The nearest of `names`, if it is near enough to be what was meant: about one slip in five letters.
pub(super) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (typed.len() / 5).max(2);
    names.map(|name| (distance(typed, name), name)).filter(|(far, _)| *far <= allowed).min().map(|(_, name)| name)
}

/// How many letters must be changed, added or dropped to get from one name to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
