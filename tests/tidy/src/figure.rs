//! Figures of the whole tree, today beside their goal. A goal that was reached is enforced from then on; the others are printed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::source::Source;

/// The tree, as the figures read it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    /// How many operations the contract has.
    pub(crate) rpcs: usize,
    pub(crate) samples: Samples,
    /// Lines of Markdown outside tables that are wider than 120 columns.
    pub(crate) wide_lines: usize,
}

struct Figure {
    what: &'static str,
    count: fn(&Tree) -> usize,
    /// At most this.
    goal: usize,
    /// Whether the goal was reached, so that losing it is a failure.
    enforced: bool,
}

const FIGURES: [Figure; 8] = [
    Figure {
        what: "lines of a door (services/*/src/grpc) per rpc",
        count: |tree| lines(tree, is_door).div_ceil(tree.rpcs.max(1)),
        goal: 18,
        enforced: true,
    },
    Figure {
        what: "lines of an operation, proto to test (CloseRun)",
        count: |tree| tree.samples.operation,
        goal: 35,
        enforced: true,
    },
    Figure { what: "files of that operation", count: |tree| tree.samples.operation_files, goal: 5, enforced: true },
    Figure {
        what: "lines that name a text field (a course's description)",
        count: |tree| tree.samples.field,
        goal: 9,
        enforced: true,
    },
    Figure {
        what: "lines of deploy/fleet",
        count: |tree| lines(tree, |path| path.starts_with("deploy/fleet")),
        goal: 5_500,
        enforced: true,
    },
    Figure {
        what: "enums of services with `as_str` by hand",
        count: |tree| services(tree).map(Source::enums_by_hand).sum(),
        goal: 0,
        enforced: true,
    },
    Figure {
        what: "structs for rows (`…Row` or `FromRow` in services/*/src/store)",
        count: |tree| services(tree).filter(|source| is_store(&source.path)).map(Source::rows).sum(),
        goal: 20,
        enforced: true,
    },
    Figure { what: "lines of prose wider than 120 columns", count: |tree| tree.wide_lines, goal: 0, enforced: true },
];

/// Prints the table and tells which goals were lost.
pub(crate) fn table(tree: &Tree) -> Vec<String> {
    let mut lost = Vec::new();
    println!("\n  {:<58} {:>6}  {:>6}", "FIGURE", "TODAY", "GOAL");
    for Figure { what, count, goal, enforced } in FIGURES {
        let today = count(tree);
        let state = match (today <= goal, enforced) {
            (true, true) => "kept",
            (true, false) => "reached: set `enforced`",
            (false, true) => "LOST",
            (false, false) => "",
        };
        println!("  {}", format!("{what:<58} {today:>6}  {goal:>6}  {state}").trim_end());
        if enforced && today > goal {
            lost.push(format!("{what}: {today}, at most {goal}"));
        }
    }
    println!();
    lost
}

fn services(tree: &Tree) -> impl Iterator<Item = &Source> {
    tree.sources.iter().filter(|source| source.path.starts_with("services"))
}

fn lines(tree: &Tree, wanted: impl Fn(&Path) -> bool) -> usize {
    tree.sources.iter().filter(|source| wanted(&source.path)).map(Source::lines).sum()
}

fn is_door(path: &Path) -> bool {
    is_room(path, "grpc")
}

fn is_store(path: &Path) -> bool {
    is_room(path, "store")
}

/// `services/courses/src/grpc.rs`, or a file below `services/courses/src/grpc/`.
fn is_room(path: &Path, room: &str) -> bool {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    matches!(parts[..], ["services", _, "src", name, ..] if name.trim_end_matches(".rs") == room)
}

/// How many operations a file of the contract has.
pub(crate) fn rpcs(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with("rpc ")).count()
}

/// How many lines of prose are too wide: tables and links cannot be broken.
pub(crate) fn wide_lines(text: &str) -> usize {
    let mut in_code = false;
    let mut count = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let breaks = !in_code && !line.starts_with('|') && line.contains(' ');
        count += usize::from(breaks && line.chars().count() > 120);
    }
    count
}

/// The contract's files count their operations.
pub(crate) fn all_rpcs(root: &Path, files: &[PathBuf]) -> Result<usize> {
    let mut count = 0;
    for file in files.iter().filter(|file| file.starts_with("proto/lyceum")) {
        count += rpcs(&fs::read_to_string(root.join(file))?);
    }
    if count == 0 {
        bail!("the contract has no rpc: has it moved?");
    }
    Ok(count)
}

/// Where the parts of the operation that stands for all begin.
const OPERATION: [&str; 7] = [
    "rpc CloseRun(",
    "message CloseRunRequest",
    "async fn close_run(",
    "pub async fn close(app: &App, id: RunId)",
    "pub fn close(self, now: OffsetDateTime) -> Self",
    "= CloseRunRequest {",
    ".close_run(",
];

/// What the operation and the field touch that stand for all others.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Lines that were written for one operation, from the proto to its test, and the files in which they stand.
    pub(crate) operation: usize,
    pub(crate) operation_files: usize,
    /// Lines that name one text field of a resource, in the proto, the service and its tables.
    pub(crate) field: usize,
}

/// Counts them.
pub(crate) fn samples(root: &Path, files: &[PathBuf]) -> Result<Samples> {
    let of_courses = |file: &&PathBuf| file.starts_with("proto/lyceum/courses") || file.starts_with("services/courses");
    let mut samples = Samples::default();
    for file in files.iter().filter(of_courses) {
        let text = fs::read_to_string(root.join(file))?;
        let lines = blocks(&text);
        samples.operation += lines;
        samples.operation_files += usize::from(lines > 0);
        if !file.starts_with("services/courses/tests") {
            samples.field += text.lines().filter(|line| is_code(line) && names(line, "description")).count();
        }
    }
    if samples.operation == 0 || samples.field == 0 {
        bail!("the operation or the field that the figures count is not there: has it another name?");
    }
    Ok(samples)
}

/// The lines of the blocks that begin with one of [`OPERATION`].
fn blocks(text: &str) -> usize {
    let (mut count, mut depth, mut inside) = (0, 0_i64, false);
    for line in text.lines() {
        inside = inside || OPERATION.iter().any(|start| line.contains(start));
        if inside {
            count += usize::from(is_code(line));
            depth += line.chars().map(|c| i64::from(c == '{') - i64::from(c == '}')).sum::<i64>();
            inside = depth > 0;
        }
    }
    count
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//") && !line.starts_with("--")
}

fn names(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let sources = files.iter().map(|(path, text)| Source::new(Path::new(path), text)).collect();
        Tree { sources, rpcs: 2, ..Tree::default() }
    }

    #[test]
    fn doors_are_counted_per_rpc_and_other_rooms_are_not() {
        let lines = "line\n".repeat(5);
        let tree = tree(&[
            ("services/users/src/grpc.rs", &lines),
            ("services/users/src/grpc/auth.rs", &lines),
            ("services/users/src/flows/grpc.rs", &lines),
            ("libs/rpc/src/grpc.rs", &lines),
        ]);
        assert_eq!((FIGURES[0].count)(&tree), 5);
    }

    #[test]
    fn an_enum_by_hand_matches_its_names_and_a_row_stands_in_a_store() {
        let both = "pub fn as_str(self) -> &str {\n    match self {\n    }\n}\npub fn as_str(&self) -> &str {\n    &self.0\n}\n";
        let row = "#[derive(Debug, sqlx::FromRow)]\n";
        let tree = tree(&[
            ("services/users/src/domain/role.rs", both),
            ("services/users/src/store/role.rs", row),
            ("services/users/src/domain/user.rs", row),
        ]);
        assert_eq!((FIGURES[5].count)(&tree), 1);
        assert_eq!((FIGURES[6].count)(&tree), 1);
    }

    #[test]
    fn prose_is_too_wide_and_tables_and_code_are_not() {
        let long = "word ".repeat(30);
        assert_eq!(wide_lines(&format!("{long}\n|{long}\n```\n{long}\n```\n{long}\n   ```\n   {long}\n   ```\n")), 2);
    }

    #[test]
    fn an_operation_is_what_begins_with_its_name() {
        let door = "async fn close_run(&self) {\n    // why\n    go()\n\n}\nasync fn other() {\n}\n";
        assert_eq!(blocks(door), 3);
        assert_eq!(blocks("let it = school.close_run(id).await;\nlet other = 1;\n"), 1);
        assert!(names("  string description = 7;", "description") && !names("descriptions", "description"));
    }

    #[test]
    fn operations_are_counted() {
        assert_eq!(rpcs("service A {\n  rpc B(C) returns (D);\n  // rpc E\n  rpc F(G) returns (H) {}\n}\n"), 2);
    }
}
