//! Which fields an update changes.

use proto::wkt::FieldMask;
use rpc::{Fields, Violation, ViolationCode};

/// The fields that an update names.
pub enum Mask {
    /// Nothing was named: those that were sent with a value. An empty update changes nothing.
    Sent,
    /// `*`: all of them; what was not sent is emptied.
    All,
    Named(Vec<String>),
}

impl Mask {
    /// Refuses names that the resource does not have or that cannot be changed. The ids that stand in the path may be named by
    /// who sends back what was read.
    pub fn of(fields: &mut Fields, sent: Option<FieldMask>, known: &[&str], ids: &[&str], fixed: &[&str]) -> Self {
        let paths = sent.unwrap_or_default().paths;
        for path in paths.iter().map(String::as_str) {
            if fixed.contains(&path) {
                let message = format!("{path} cannot be changed");
                fields.note(Violation::new("update_mask", ViolationCode::NotAllowed, message));
            } else if path != "*" && !known.contains(&path) && !ids.contains(&path) {
                let message = format!("{path} is none of {}", known.join(", "));
                fields.note(Violation::new("update_mask", ViolationCode::UnknownField, message));
            }
        }
        match paths {
            paths if paths.is_empty() => Self::Sent,
            paths if paths.iter().any(|path| path == "*") => Self::All,
            paths => Self::Named(paths),
        }
    }

    /// Whether the field is changed; `sent` tells whether it came with a value.
    pub fn changes(&self, field: &str, sent: bool) -> bool {
        match self {
            Self::Sent => sent,
            Self::All => true,
            Self::Named(paths) => paths.iter().any(|path| path == field),
        }
    }

    /// Refuses a value for a field that cannot be changed, where no mask says that the value is not meant.
    pub fn fixed(&self, fields: &mut Fields, field: &str, sent: bool) {
        if sent && !matches!(self, Self::Named(_)) {
            fields.note(Violation::new(field, ViolationCode::NotAllowed, "cannot be changed"));
        }
    }

    /// A oneof: changed when the mask names a case, which must then be the one that was sent.
    pub fn one_of<S, R>(
        &self,
        fields: &mut Fields,
        sent: Option<S>,
        cases: &[&str],
        case_of: impl Fn(&S) -> &'static str,
        read: impl FnOnce(S, &mut Fields) -> Option<R>,
    ) -> Option<Option<R>> {
        let named = match self {
            Self::Named(paths) => cases.iter().find(|case| paths.iter().any(|path| path == **case)),
            Self::Sent | Self::All => None,
        };
        match (sent, named) {
            (Some(sent), _) if self.changes(case_of(&sent), true) => read(sent, fields).map(Some),
            (_, Some(named)) => {
                fields.note(Violation::new(*named, ViolationCode::Required, "is required"));
                None
            }
            _ => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> (Mask, Vec<(String, ViolationCode)>) {
        let sent = FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let mut fields = Fields::new();
        let mask = Mask::of(&mut fields, Some(sent), &["title", "note"], &["book_id"], &["code"]);
        let told = fields.check().err().map(|invalid| rpc::Refusal::violations(&invalid)).unwrap_or_default();
        (mask, told.into_iter().map(|wrong| (wrong.message, wrong.code)).collect())
    }

    #[test]
    fn without_names_only_what_was_sent_is_changed() {
        let (mask, told) = mask(&[]);
        assert!(told.is_empty());
        assert!(mask.changes("title", true) && !mask.changes("title", false));
    }

    #[test]
    fn a_star_changes_all_and_a_name_only_itself() {
        let (all, _) = mask(&["*"]);
        assert!(all.changes("title", false));
        let (one, told) = mask(&["note", "book_id"]);
        assert!(told.is_empty());
        assert!(one.changes("note", false) && !one.changes("title", true));
    }

    #[test]
    fn what_is_unknown_or_cannot_be_changed_is_refused() {
        let (_, told) = mask(&["titel", "code"]);
        let told: Vec<_> = told.iter().map(|(message, code)| (message.as_str(), *code)).collect();
        let unknown = ("titel is none of title, note", ViolationCode::UnknownField);
        assert_eq!(told, [unknown, ("code cannot be changed", ViolationCode::NotAllowed)]);
    }

    #[test]
    fn a_value_for_what_cannot_be_changed_is_refused_unless_a_mask_leaves_it_out() {
        for (paths, refused) in [(&[][..], true), (&["*"], true), (&["title"], false)] {
            let mut fields = Fields::new();
            mask(paths).0.fixed(&mut fields, "code", true);
            mask(paths).0.fixed(&mut fields, "prices", false);
            assert_eq!(!fields.is_empty(), refused, "{paths:?}");
        }
    }
}
