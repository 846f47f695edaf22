//! Statements that are put together at compile time, so that a list of columns stands once and no text is taken for SQL
//! at run time.
//!
//! `pg::sql!` is the way to use it.

use super::Column;

/// A piece of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// SQL as it stands in the code.
    Text(&'static str),
    /// The columns of a record.
    Columns {
        /// The columns.
        columns: &'static [Column],
        /// The table's alias; empty for none.
        alias: &'static str,
        /// What the names of the results begin with; empty for the columns' own names.
        prefix: &'static str,
    },
}

/// How long the statement is, in bytes.
pub const fn length(parts: &[Part]) -> usize {
    let mut out = Out::<0>::new();
    out.parts(parts);
    out.at
}

/// The statement.
pub const fn write<const N: usize>(parts: &[Part]) -> [u8; N] {
    let mut out = Out::<N>::new();
    out.parts(parts);
    assert!(out.at == N, "the length is that of the statement");
    out.bytes
}

/// The statement as a text.
pub const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a statement is put together of whole texts"),
    }
}

/// What the names of nested columns begin with, the innermost first.
#[derive(Clone, Copy)]
struct Prefix<'a> {
    outer: Option<&'a Prefix<'a>>,
    text: &'a str,
}

/// Counts what is written, and keeps as much of it as there is room for.
struct Out<const N: usize> {
    bytes: [u8; N],
    at: usize,
    first: bool,
}

impl<const N: usize> Out<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], at: 0, first: true }
    }

    const fn parts(&mut self, parts: &[Part]) {
        let mut at = 0;
        while at < parts.len() {
            match parts[at] {
                Part::Text(text) => self.push(text),
                Part::Columns { columns, alias, prefix } => {
                    self.first = true;
                    self.columns(columns, alias, prefix, Prefix { outer: None, text: "" });
                }
            }
            at += 1;
        }
    }

    const fn columns(&mut self, columns: &[Column], alias: &str, result: &str, outer: Prefix<'_>) {
        let mut at = 0;
        while at < columns.len() {
            match columns[at] {
                Column::Nested { prefix, columns, .. } => {
                    self.columns(columns, alias, result, Prefix { outer: Some(&outer), text: prefix });
                }
                Column::Own { name, .. } => {
                    if !self.first {
                        self.push(", ");
                    }
                    self.first = false;
                    if !alias.is_empty() {
                        self.push(alias);
                        self.push(".");
                    }
                    self.prefix(&outer);
                    self.push(name);
                    if !result.is_empty() {
                        self.push(" as ");
                        self.push(result);
                        self.prefix(&outer);
                        self.push(name);
                    }
                }
            }
            at += 1;
        }
    }

    const fn prefix(&mut self, prefix: &Prefix<'_>) {
        if let Some(outer) = prefix.outer {
            self.prefix(outer);
        }
        self.push(prefix.text);
    }

    const fn push(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if self.at < N {
                self.bytes[self.at] = bytes[at];
            }
            self.at += 1;
            at += 1;
        }
    }
}
