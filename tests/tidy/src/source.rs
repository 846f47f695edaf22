//! One Rust file, cut into what runs in production and the tests at its end.

use std::path::{Path, PathBuf};

/// A file as the checks read it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Lines without comments and without what stands in quotes, up to the file's own tests.
    pub(super) code: Vec<String>,
    /// The lines as they were written.
    written: Vec<String>,
}

/// What may stand only in tests, and what to write instead.
const FORBIDDEN: [(&str, &str); 6] = [
    (".unwrap()", "answer the error"),
    (".expect(\"", "answer the error, or say in #[expect(clippy::expect_used, reason)] why it cannot happen"),
    ("todo!(", "write it"),
    ("unimplemented!(", "write it"),
    ("dbg!(", "log it"),
    ("#[allow(", "use #[expect(…, reason)]"),
];

/// Code that only tests run, wherever it lies: it may panic.
const TEST_CODE: [&str; 3] = ["tests/journeys/", "libs/testkit/", "/tests/"];

impl Source {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        let written: Vec<String> = text.lines().map(str::to_owned).collect();
        // Tests stand at the end of a file, so the first of these lines ends the code.
        let end = written.iter().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(written.len());
        let code = written[..end].iter().map(|line| bare(line)).collect();
        Self { path: path.to_owned(), code, written }
    }

    /// Whether it has tests of its own at its end.
    pub(super) fn has_tests(&self) -> bool {
        self.code.len() < self.written.len()
    }

    /// How many lines were written.
    pub(super) fn lines(&self) -> usize {
        self.written.len()
    }

    /// Functions that write an enum's names by hand: an `as_str` that begins with a match.
    pub(super) fn enums_by_hand(&self) -> usize {
        let pairs = self.code.iter().zip(self.code.iter().skip(1));
        pairs.filter(|(line, next)| line.contains("fn as_str(") && next.trim_start().starts_with("match ")).count()
    }

    /// Structs that stand between a table and the domain: read field by field, or by columns of their own under a name that says so.
    pub(super) fn rows(&self) -> usize {
        let is_row = |line: &&String| line.contains("struct ") && line.contains("Row") || line.contains("FromRow)");
        self.code.iter().filter(is_row).count()
    }

    /// Whether all of it is test code.
    fn is_test(&self) -> bool {
        let path = self.path.to_string_lossy();
        TEST_CODE.iter().any(|part| path.contains(part)) || path.ends_with("tests.rs")
    }

    /// Words that have no place outside tests.
    pub(super) fn forbidden_words(&self) -> Vec<String> {
        if self.is_test() {
            return vec![];
        }
        let mut findings = Vec::new();
        for (index, line) in self.code.iter().enumerate() {
            for (word, advice) in FORBIDDEN {
                if line.contains(word) && !self.is_excused(index) {
                    findings.push(format!("{}:{}: `{word}`: {advice}", self.path.display(), index + 1));
                }
            }
        }
        findings
    }

    /// Whether a reason for it stands just above, or the compiler itself runs the line and would not get past a panic.
    fn is_excused(&self, index: usize) -> bool {
        if self.code[index].contains("const {") {
            return true;
        }
        let above = &self.written[index.saturating_sub(12)..=index];
        above.iter().any(|line| line.contains("clippy::expect_used") || line.contains("clippy::unwrap_used"))
    }
}

/// A line without its comment and without the texts in it; their quotation marks stay.
fn bare(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    let mut in_text = false;
    while let Some(character) = rest.next() {
        match (in_text, character) {
            (true, '\\') => {
                rest.next();
            }
            (true, '"') => {
                in_text = false;
                code.push('"');
            }
            (true, _) => {}
            (false, '"') => {
                in_text = true;
                code.push('"');
            }
            // A quotation mark as a character does not begin a text.
            (false, '\'') if rest.peek() == Some(&'"') => {
                rest.next();
                rest.next();
                code.push_str("''");
            }
            (false, '/') if rest.peek() == Some(&'/') => break,
            (false, other) => code.push(other),
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        Source::new(Path::new(path), text).forbidden_words()
    }

    #[test]
    fn an_unwrap_is_found_with_its_line_and_one_in_a_comment_text_or_test_is_not() {
        let findings = found("libs/pg/src/pool.rs", "fn a() {\n    b().unwrap();\n}\n");
        assert_eq!(findings, ["libs/pg/src/pool.rs:2: `.unwrap()`: answer the error"]);
        assert!(found("libs/pg/src/pool.rs", "// b().unwrap()\nlet a = \"x.unwrap()\";\n").is_empty());
        assert!(found("libs/pg/src/pool.rs", "#[cfg(test)]\nmod tests {\n    b().unwrap();\n}\n").is_empty());
        assert!(found("libs/pg/tests/it/main.rs", "b().unwrap();\n").is_empty());
    }

    #[test]
    fn an_expect_needs_a_written_reason() {
        assert_eq!(found("a/src/lib.rs", "let a = b.expect(\"2 is not 0\");\n").len(), 1);
        let excused = "#[expect(clippy::expect_used, reason = \"2 is not 0\")]\nlet a = b.expect(\"2 is not 0\");\n";
        assert!(found("a/src/lib.rs", excused).is_empty());
        assert!(found("a/src/lib.rs", "let one = const { NonZeroU8::new(1).expect(\"1 is not 0\") };\n").is_empty());
        assert!(found("a/src/lib.rs", "parser.expect(b'x')?;\n").is_empty());
    }

    #[test]
    fn texts_and_comments_are_cut_out_of_a_line() {
        assert_eq!(bare(r#"let a = "x // \" y"; // z"#), r#"let a = ""; "#);
        assert_eq!(bare(r"split('/') // b"), r"split('/') ");
        assert_eq!(bare("find('\"').is_some() // c"), "find('').is_some() ");
    }
}
