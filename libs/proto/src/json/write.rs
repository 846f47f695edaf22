//! Writes JSON into one growing text.

use std::fmt::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::Json;

/// A JSON text that is being written.
#[derive(Debug, Default)]
pub struct Out(String);

impl Out {
    /// The text so far.
    pub fn into_text(self) -> String {
        self.0
    }

    /// Begins an object.
    pub fn open(&mut self) {
        self.0.push('{');
    }

    /// Ends an object.
    pub fn close(&mut self) {
        self.0.push('}');
    }

    /// Writes the name of a field, which needs no escaping; its value comes next.
    pub fn key(&mut self, name: &'static str) {
        self.comma();
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    /// Writes which case of a oneof comes: names that need no escaping.
    pub fn case(&mut self, oneof: &'static str, case: &'static str) {
        self.key(oneof);
        self.plain(case);
    }

    /// Writes the name of an enum's value. A value that this build does not know is written as its number.
    pub fn enumeration<E>(&mut self, number: i32, name: Result<&'static str, E>) {
        match name {
            Ok(name) => {
                self.0.push('"');
                self.0.push_str(name);
                self.0.push('"');
            }
            Err(_) => number.write(self),
        }
    }

    /// Writes a list, each item with `one`.
    pub fn list<T>(&mut self, items: &[T], mut one: impl FnMut(&T, &mut Self)) {
        self.0.push('[');
        for item in items {
            self.comma();
            one(item, self);
        }
        self.0.push(']');
    }

    /// Separates from what stands before. No value ends with an opening bracket: texts end with a quotation mark.
    pub(super) fn comma(&mut self) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
    }

    /// Appends what is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.0.push_str(json);
    }

    /// Appends a text that holds nothing to escape.
    pub(super) fn plain(&mut self, text: impl fmt::Display) {
        // Writing into a string cannot fail.
        write!(self.0, "\"{text}\"").unwrap_or_default();
    }

    /// Appends bytes as base64.
    pub(super) fn base64(&mut self, bytes: &[u8]) {
        self.0.push('"');
        STANDARD.encode_string(bytes, &mut self.0);
        self.0.push('"');
    }

    /// Appends any text.
    pub(super) fn text(&mut self, text: &str) {
        self.0.push('"');
        let mut written = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0x00..0x20 => "",
                _ => continue,
            };
            self.0.push_str(&text[written..at]);
            self.0.push_str(escape);
            if escape.is_empty() {
                write!(self.0, "\\u{byte:04x}").unwrap_or_default();
            }
            written = at + 1;
        }
        self.0.push_str(&text[written..]);
        self.0.push('"');
    }
}
