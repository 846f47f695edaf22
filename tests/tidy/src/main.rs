//! Checks of the sources that no compiler makes: sizes, the rooms of a service, words that have no place outside tests, and the
//! figures of the whole.

mod figure;
mod room;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use self::figure::Tree;
use self::source::Source;

/// A source file is at most this long; then it is split.
const LONGEST_FILE: usize = 500;
/// A README of a part is at most so long, and the longer one only while no line is wider than a page.
const LONGEST_README: usize = 60;
const LONGEST_NARROW_README: usize = 120;
const PAGE: usize = 100;

/// Folders that hold no sources of ours.
const SKIPPED: [&str; 7] = ["target", ".git", ".fleet", "node_modules", "__pycache__", ".venv", "dist"];

/// Something that is not as it should be, and where.
type Finding = String;

/// Runs every check; prints what they found and fails if that is anything.
fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut files = Vec::new();
    collect(&root, Path::new(""), &mut files)?;
    files.sort();
    let samples = figure::samples(&root, &files)?;
    let mut tree = Tree { rpcs: figure::all_rpcs(&root, &files)?, samples, ..Tree::default() };
    let mut findings = Vec::new();
    for file in &files {
        let text = fs::read_to_string(root.join(file))?;
        findings.extend(size(file, &text));
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                let source = Source::new(file, &text);
                findings.extend(source.forbidden_words());
                findings.extend(room::trespasses(&source));
                tree.sources.push(source);
            }
            Some("md") => tree.wide_lines += figure::wide_lines(&text),
            _ => {}
        }
    }
    findings.extend(missing_readmes(&root)?);
    findings.extend(silent_tests(&root, &tree.sources));
    findings.extend(figure::table(&tree));
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

/// The text files that people write, relative to the repository.
fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = folder.join(&name);
        if entry.file_type()?.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(root, &path, files)?;
            }
        } else if is_source(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let kinds = ["rs", "js", "proto", "sql", "md", "py", "sh", "ts", "tsx", "css", "html"];
    path.extension().is_some_and(|extension| kinds.iter().any(|kind| extension == *kind))
        || path == Path::new(".ci/run")
}

fn size(file: &Path, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let parts: Vec<_> = file.iter().filter_map(|part| part.to_str()).collect();
    let limit = match parts[..] {
        ["services" | "libs" | "tests" | "deploy", _, "README.md"] => {
            // A row of a table cannot be broken.
            let narrow = text.lines().all(|line| line.starts_with('|') || line.chars().count() <= PAGE);
            if narrow { LONGEST_NARROW_README } else { LONGEST_README }
        }
        // Protos are documentation as well; Google's and the catalogue of a service may be long.
        [.., last] if last.ends_with(".proto") || last == "CHANGELOG.md" => return None,
        _ => LONGEST_FILE,
    };
    (lines > limit).then(|| format!("{}: {lines} lines, at most {limit}", file.display()))
}

/// Every service and lib says in a README what it is.
fn missing_readmes(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for parent in ["services", "libs"] {
        for entry in fs::read_dir(root.join(parent))? {
            let folder = entry?.path();
            if folder.join("Cargo.toml").is_file() && !folder.join("README.md").is_file() {
                findings.push(format!("{}: there is no README.md", folder.strip_prefix(root)?.display()));
            }
        }
    }
    findings.sort();
    Ok(findings)
}

/// Tests beside the code of a target whose manifest says that it has none, so that they would never run.
fn silent_tests(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let with_tests = sources.iter().filter(|source| source.has_tests());
    let silent = with_tests.filter(|source| {
        let Some((package, file)) = source.path.to_str().and_then(|path| path.split_once("/src/")) else {
            return false;
        };
        let manifest = fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap_or_default();
        is_untested(&manifest, if file.ends_with("main.rs") { "[[bin]]" } else { "[lib]" })
    });
    silent.map(|source| format!("{}: its target says `test = false`", source.path.display())).collect()
}

fn is_untested(manifest: &str, target: &str) -> bool {
    let section = manifest.lines().skip_while(|line| line.trim() != target).skip(1);
    section.take_while(|line| !line.starts_with('[')).any(|line| line.trim() == "test = false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_tests_is_known_by_its_manifest() {
        let manifest = "[lib]\ndoctest = false\n\n[[bin]]\nname = \"users\"\ntest = false\n";
        assert!(is_untested(manifest, "[[bin]]") && !is_untested(manifest, "[lib]"));
    }

    #[test]
    fn long_files_and_long_readmes_are_found() {
        let wide = "word ".repeat(21);
        let text = format!("{wide}\n").repeat(61);
        assert_eq!(size(Path::new("services/users/src/app.rs"), &text), None);
        assert_eq!(
            size(Path::new("services/users/README.md"), &text),
            Some("services/users/README.md: 61 lines, at most 60".to_owned())
        );
        let narrow = |lines: usize| size(Path::new("services/users/README.md"), &"line\n".repeat(lines));
        assert!(narrow(120).is_none() && narrow(121).is_some());
        assert!(size(Path::new("libs/pg/src/pool.rs"), &"line\n".repeat(501)).is_some());
        assert!(size(Path::new("README.md"), &text).is_none());
    }
}
