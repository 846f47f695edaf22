//! Walks through parsed JSON and remembers where it stands and what it refused.

use std::collections::BTreeSet;

use super::{Fault, Unknown, Value, Violation};

/// Where the reader stands, and what it has refused so far.
#[derive(Debug)]
pub struct At {
    path: String,
    unknown: Unknown,
    violations: Vec<Violation>,
}

impl At {
    /// Stands at the whole text.
    pub fn new(unknown: Unknown) -> Self {
        Self { path: String::new(), unknown, violations: Vec::new() }
    }

    /// The message, unless something was refused.
    ///
    /// # Errors
    /// Everything that was refused.
    pub fn finish<T>(self, message: T) -> Result<T, Vec<Violation>> {
        if self.violations.is_empty() { Ok(message) } else { Err(self.violations) }
    }

    /// Refuses the value at this place: it has the wrong type or form.
    pub fn refuse(&mut self, message: impl Into<String>) {
        self.refuse_as(Fault::Malformed, message);
    }

    /// Refuses the value at this place for another reason.
    pub fn refuse_as(&mut self, fault: Fault, message: impl Into<String>) {
        self.violations.push(Violation { field: self.path.clone(), message: message.into(), fault });
    }

    /// Shows every field of an object to `take`, which answers whether the message has it.
    pub fn object(&mut self, value: &Value, take: &mut dyn FnMut(&str, &Value, &mut Self) -> bool) {
        let Value::Object(fields) = value else { return self.refuse("expected an object") };
        let mut seen = BTreeSet::new();
        for (name, value) in fields {
            self.inside(Step::Name(name), |at| {
                if !take(name, value, at) {
                    if at.unknown == Unknown::Refused {
                        at.refuse_as(Fault::UnknownField, "no such field");
                    }
                } else if !seen.insert(in_camel_case(name)) {
                    at.refuse_as(Fault::NotAllowed, "stands twice, in two spellings");
                }
            });
        }
    }

    /// Refuses that a field is not written.
    pub fn missing(&mut self, name: &str) {
        self.inside(Step::Name(name), |at| at.refuse_as(Fault::Required, "is required"));
    }

    /// Reads every entry of a map with `take`.
    pub fn map(&mut self, value: &Value, take: &mut dyn FnMut(&str, &Value, &mut Self)) {
        let Value::Object(entries) = value else { return self.refuse("expected an object") };
        for (name, value) in entries {
            self.inside(Step::Name(name), |at| take(name, value, at));
        }
    }

    /// Reads every item of a list with `one`.
    pub fn list<T>(&mut self, value: &Value, mut one: impl FnMut(&Value, &mut Self) -> T) -> Vec<T> {
        let Value::Array(items) = value else {
            self.refuse("expected a list");
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.map(|(index, item)| self.inside(Step::Index(index), |at| one(item, at))).collect()
    }

    /// Refuses a second field of a oneof.
    pub fn only(&mut self, is_first: bool) {
        if !is_first {
            self.refuse_as(Fault::NotAllowed, "only one of these fields may be set");
        }
    }

    /// Reads which case of a oneof is said to be set.
    pub fn case(&mut self, value: &Value) -> String {
        let Value::String(case) = value else {
            self.refuse("expected text");
            return String::new();
        };
        case.clone()
    }

    /// Refuses a case that was named and is not the one that is set; `set` are the spellings of the latter.
    pub fn agree(&mut self, oneof: &str, named: Option<String>, set: &[&str]) {
        let Some(named) = named.filter(|named| !named.is_empty() && !set.contains(&named.as_str())) else { return };
        let message = match set.first() {
            Some(set) => format!("says {named}, but {set} was sent"),
            None => format!("says {named}, which was not sent"),
        };
        self.inside(Step::Name(oneof), |at| at.refuse_as(Fault::NotAllowed, message));
    }

    /// Reads an enum's value by its name, or by the number of a value that is known.
    pub fn enumeration(
        &mut self,
        value: &Value,
        by_name: impl Fn(&str) -> Option<i32>,
        is_known: impl Fn(i32) -> bool,
        names: &[&str],
    ) -> i32 {
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok()).filter(|number| is_known(*number));
        value.as_str().and_then(by_name).or(number).unwrap_or_else(|| {
            let allowed = names.join(", ");
            let message = format!("expected one of {allowed}");
            self.refuse_as(Fault::UnknownValue { allowed }, message);
            0
        })
    }

    fn inside<R>(&mut self, step: Step<'_>, work: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.path.len();
        match step {
            Step::Index(index) => self.path.push_str(&format!("[{index}]")),
            Step::Name(name) => {
                if length > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
            }
        }
        let result = work(self);
        self.path.truncate(length);
        result
    }
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// A name as JSON spells it: `maxUses` for `max_uses`, `lessons[1].sizeBytes` for `lessons[1].size_bytes`.
pub fn in_camel_case(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut raise = false;
    for letter in name.chars() {
        match letter {
            '_' => raise = true,
            letter if raise => {
                raise = false;
                json.push(letter.to_ascii_uppercase());
            }
            letter => json.push(letter),
        }
    }
    json
}
