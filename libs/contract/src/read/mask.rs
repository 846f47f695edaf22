//! Which fields an update changes.

use proto::wkt::FieldMask;
use rpc::{Fields, Violation, ViolationCode};

/// The fields that an update names.
pub struct Mask {
    /// Empty for all of them.
    paths: Vec<String>,
}

impl Mask {
    /// Refuses names that the resource does not have. An empty mask and `*` mean all fields. The ids that stand in the path
    /// may be named by who sends back what was read.
    pub fn of(fields: &mut Fields, sent: Option<FieldMask>, known: &[&str], ids: &[&str]) -> Self {
        let mut paths = sent.unwrap_or_default().paths;
        if paths.iter().any(|path| path == "*") {
            paths.clear();
        }
        for path in &paths {
            if !known.contains(&path.as_str()) && !ids.contains(&path.as_str()) {
                let message = format!("{path} is none of {}", known.join(", "));
                fields.note(Violation::new("update_mask", ViolationCode::UnknownField, message));
            }
        }
        Self { paths }
    }

    /// Whether the field is changed.
    pub fn names(&self, field: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|path| path == field)
    }

    /// Whether a message inside the resource is changed: without a mask only one that was sent is.
    pub fn changes(&self, field: &str, sent: bool) -> bool {
        if self.paths.is_empty() { sent } else { self.names(field) }
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
        let named = cases.iter().find(|case| !self.paths.is_empty() && self.names(case));
        match (sent, named) {
            (Some(sent), _) if self.names(case_of(&sent)) => read(sent, fields).map(Some),
            (_, Some(named)) => {
                fields.note(Violation::new(*named, ViolationCode::Required, "is required"));
                None
            }
            _ => Some(None),
        }
    }
}
