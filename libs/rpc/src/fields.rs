//! Parsing a request at the door: every field is tried, and every mistake is told at once.

use crate::{Kind, Refusal, Violation, problem::MOST_VIOLATIONS};
use values::{Mistake, ViolationCode};

/// Collects what is wrong with a request.
///
/// ```ignore
/// let mut fields = rpc::Fields::new();
/// let title = fields.take("title", Title::parse(&message.title));
/// let price = fields.required("price", message.price).and_then(|price| fields.take("price", Price::parse(&price)));
/// let (title, price) = fields.finish((title, price))?;
/// ```
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<Violation>,
    /// The path of the message that is being read; empty for the request itself.
    scope: String,
}

impl Fields {
    /// Nothing is wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a message inside the request: what is wrong in there is told under `field.…`. An empty name is the message
    /// itself.
    pub fn within<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope.len();
        self.scope = self.path(field);
        let value = read(self);
        self.scope.truncate(outer);
        value
    }

    /// Reads one item of a list: what is wrong in there is told under `field[index].…`, or `field[index]` for an empty
    /// name.
    pub fn item<T>(&mut self, field: &str, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(&format!("{field}[{index}]"), read)
    }

    /// The whole path of a field of the message that is being read.
    fn path(&self, field: &str) -> String {
        match (self.scope.as_str(), field) {
            ("", field) => field.to_owned(),
            (scope, "") => scope.to_owned(),
            (scope, field) => format!("{scope}.{field}"),
        }
    }

    /// Keeps the value, or notes the error under the field's name in the proto.
    pub fn take<T, E: Mistake>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(Violation::of(field, &error));
                None
            }
        }
    }

    /// The same for a field that may be left out: the inner `None` is a value that was not given.
    pub fn take_if<T, E: Mistake>(&mut self, field: &str, parsed: Option<Result<T, E>>) -> Option<Option<T>> {
        match parsed {
            Some(parsed) => self.take(field, parsed).map(Some),
            None => Some(None),
        }
    }

    /// Keeps a message that must be there, or notes that it is missing.
    pub fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.note(Violation::new(field, ViolationCode::Required, "is required"));
        }
        value
    }

    /// Notes a mistake that has no code of its own.
    pub fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.note(Violation::new(field, ViolationCode::InvalidValue, message));
    }

    /// Notes a mistake; its field is a name in the message that is being read.
    pub fn note(&mut self, mut violation: Violation) {
        if self.violations.len() < MOST_VIOLATIONS {
            violation.field = self.path(&violation.field);
            self.violations.push(violation);
        }
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.violations.is_empty()
    }

    /// Refuses the request if anything was wrong.
    pub fn check(self) -> Result<(), Invalid> {
        if self.violations.is_empty() { Ok(()) } else { Err(Invalid { violations: self.violations }) }
    }

    /// Turns a tuple of what was taken into a tuple of values, or refuses the request. A `None` that nobody noted
    /// refuses too.
    pub fn finish<T: Taken>(self, taken: T) -> Result<T::Values, Invalid> {
        match (self.check(), taken.values()) {
            (Ok(()), Some(values)) => Ok(values),
            (Ok(()), None) => Err(Invalid { violations: Vec::new() }),
            (Err(invalid), _) => Err(invalid),
        }
    }
}

/// A request with mistakes in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The request is not valid.")]
pub struct Invalid {
    violations: Vec<Violation>,
}

impl Invalid {
    /// A request with one mistake.
    pub fn field(field: impl Into<String>, mistake: impl Mistake) -> Self {
        Self::from(Violation::of(field, &mistake))
    }
}

impl From<Violation> for Invalid {
    fn from(violation: Violation) -> Self {
        Self { violations: vec![violation] }
    }
}

impl Refusal for Invalid {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn reason(&self) -> &'static str {
        "INVALID"
    }

    fn violations(&self) -> Vec<Violation> {
        self.violations.clone()
    }
}

impl From<Invalid> for tonic::Status {
    fn from(invalid: Invalid) -> Self {
        crate::status(&invalid)
    }
}

/// A tuple of options that becomes a tuple of values when none is missing.
pub trait Taken {
    /// The tuple of values.
    type Values;

    /// The values, if all are there.
    fn values(self) -> Option<Self::Values>;
}

macro_rules! taken {
    ($($name:ident)+) => {
        impl<$($name),+> Taken for ($(Option<$name>,)+) {
            type Values = ($($name,)+);

            #[expect(non_snake_case, reason = "the type parameters double as variables")]
            fn values(self) -> Option<Self::Values> {
                let ($($name,)+) = self;
                Some(($($name?,)+))
            }
        }
    };
}

taken!(A);
taken!(A B);
taken!(A B C);
taken!(A B C D);
taken!(A B C D E);
taken!(A B C D E F);
taken!(A B C D E F G);
taken!(A B C D E F G H);
taken!(A B C D E F G H I);
taken!(A B C D E F G H I J);
taken!(A B C D E F G H I J K);
taken!(A B C D E F G H I J K L);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_fields_come_out_as_values() {
        let mut fields = Fields::new();
        let size = fields.take("size", "7".parse::<u8>());
        let left_out = fields.take_if("limit", None::<Result<u8, String>>);
        let given = fields.take_if("offset", Some("3".parse::<u8>()));
        let owner = fields.required("owner", Some("o"));
        assert_eq!(fields.finish((size, left_out, given, owner)), Ok((7, None, Some(3), "o")));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut fields = Fields::new();
        let size = fields.take("size", "many".parse::<u8>());
        let owner = fields.required("owner", None::<u8>);
        let name = fields.take("name", Ok::<_, String>("n"));
        fields.refuse("dates", "must not overlap");
        let invalid = fields.finish((size, owner, name)).unwrap_err();
        let named: Vec<_> = invalid.violations().into_iter().map(|wrong| wrong.field).collect();
        assert_eq!(named, ["size", "owner", "dates"]);
        let status = tonic::Status::from(invalid);
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let told = crate::Problem::from(&status).violations;
        assert_eq!(told[1].message, "is required");
        assert_eq!(
            told.iter().map(|wrong| wrong.code.as_str()).collect::<Vec<_>>(),
            ["MALFORMED", "REQUIRED", "INVALID_VALUE"]
        );
    }

    #[test]
    fn a_mistake_inside_a_message_or_a_list_is_told_with_its_whole_path() {
        let mut fields = Fields::new();
        fields.within("lesson", |fields| {
            fields.refuse("title", "is required");
            let answers = ["7", "many"].iter().enumerate();
            for (index, answer) in answers {
                fields.item("answers", index, |fields| fields.take("points", answer.parse::<u8>()));
            }
            fields.item("tags", 3, |fields| fields.refuse("", "is there twice"));
            fields.within("", |fields| fields.refuse("text", "is required"));
        });
        fields.refuse("reason", "is required");
        let named: Vec<_> = fields.check().unwrap_err().violations().into_iter().map(|wrong| wrong.field).collect();
        assert_eq!(named, ["lesson.title", "lesson.answers[1].points", "lesson.tags[3]", "lesson.text", "reason"]);
    }

    #[test]
    fn a_value_that_is_missing_for_no_reason_refuses_as_well() {
        assert!(Fields::new().finish((Some(1), None::<u8>)).is_err());
    }
}
