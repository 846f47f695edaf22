//! Canonical proto3 JSON: writing never fails, reading reports everything that is wrong at once.
//!
//! Fields without presence are always written, even when they are zero or empty, so that the types of answers have
//! real required fields; only an enum that nobody set is left out. Beyond the canonical form, a message with a `oneof` says in
//! a property of the oneof's name which case is set, and what travels in an HTTP header is neither written nor read.
//! [`Out`] writes, [`At`] reads; the implementations for messages are generated.

mod read;
mod scalar;
mod tree;
mod write;

pub use read::{At, in_camel_case};
pub use serde_json::Value;
pub use tree::parse;
pub use write::Out;

/// A type that has a JSON form.
pub trait Json: Sized {
    /// Appends the value.
    fn write(&self, out: &mut Out);
    /// Takes the value out of parsed JSON. What cannot be taken is reported to `at` and left empty.
    fn read(value: &Value, at: &mut At) -> Self;
}

/// What to do with a field that the message does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Report it: it is a typing mistake.
    Refused,
    /// Ignore it: the sender may be newer than we are.
    Ignored,
}

/// One thing that is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, such as `lessons[1].sizeBytes`; empty for the whole.
    pub field: String,
    /// What was expected.
    pub message: String,
    /// The same for machines.
    pub fault: Fault,
}

/// In which way a value does not fit its field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fault {
    /// It is of another type or form.
    #[default]
    Malformed,
    /// The number does not fit.
    OutOfRange,
    /// There is no such field.
    UnknownField,
    /// The enum has no such value; these are all.
    UnknownValue {
        /// Their names, with commas between them.
        allowed: String,
    },
    /// Another field of the same oneof was sent, too, or the same field in another spelling.
    NotAllowed,
    /// It must be written, even where it is zero or empty.
    Required,
}

/// The JSON text of a message.
pub fn to_text(message: &impl Json) -> String {
    let mut out = Out::default();
    message.write(&mut out);
    out.into_text()
}

/// A message from parsed JSON.
///
/// # Errors
/// Everything that is wrong with it.
pub fn from_value<T: Json>(value: &Value, unknown: Unknown) -> Result<T, Vec<Violation>> {
    let mut at = At::new(unknown);
    let message = T::read(value, &mut at);
    at.finish(message)
}

/// A message from a JSON text.
///
/// # Errors
/// Everything that is wrong with it, or the place where it stops being JSON.
pub fn from_text<T: Json>(text: &str, unknown: Unknown) -> Result<T, Vec<Violation>> {
    let value = parse(text.as_bytes());
    let value = value.map_err(|error| {
        vec![Violation { field: String::new(), message: error.to_string(), fault: Fault::Malformed }]
    })?;
    from_value(&value, unknown)
}
