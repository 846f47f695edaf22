//! Checks of the sources that no compiler makes: sizes, the rooms of a service, words that have no place outside tests.

mod room;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use self::source::Source;
use crate::cargo::cargo;
use crate::home::Home;

/// A source file is at most this long; then it is split.
const LONGEST_FILE: usize = 500;
/// A README of a service or a lib is at most this long.
const LONGEST_README: usize = 60;

/// Folders that hold no sources of ours.
const SKIPPED: [&str; 7] = ["target", ".git", ".fleet", "node_modules", "__pycache__", ".venv", "dist"];

/// Libraries that would bring a second TLS provider beside ring, or the system's OpenSSL.
const BANNED_CRATES: [&str; 4] = ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"];

/// Something that is not as it should be, and where.
type Finding = String;

/// Runs every check; prints what they found and fails if that is anything.
pub(crate) async fn run(home: &Home) -> Result<()> {
    let mut files = Vec::new();
    collect(home.root(), Path::new(""), &mut files)?;
    files.sort();
    let mut findings = Vec::new();
    for file in &files {
        let text = fs::read_to_string(home.root().join(file))?;
        findings.extend(size(file, &text));
        if file.extension().is_some_and(|extension| extension == "rs") {
            let source = Source::new(file, &text);
            findings.extend(source.forbidden_words());
            findings.extend(room::trespasses(&source));
        }
    }
    findings.extend(missing_readmes(home.root())?);
    findings.extend(second_tls_provider(home).await?);
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
        ["services" | "libs" | "tests" | "deploy", _, "README.md"] => LONGEST_README,
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

/// The whole tree of dependencies, because one feature of one crate is enough to bring another provider in.
async fn second_tls_provider(home: &Home) -> Result<Vec<Finding>> {
    let arguments =
        ["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}", "--edges", "normal,build"];
    let output = cargo(home).args(arguments).output().await?;
    if !output.status.success() {
        bail!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(banned_crates(&String::from_utf8_lossy(&output.stdout)))
}

fn banned_crates(tree: &str) -> Vec<Finding> {
    let in_tree = |banned: &&&str| tree.lines().any(|line| line.split(' ').next() == Some(banned));
    let found = BANNED_CRATES.iter().filter(in_tree);
    found
        .map(|name| format!("Cargo.lock: {name} came in: `cargo tree --workspace -i {name}` says through whom"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_long_readmes_are_found() {
        let text = "line\n".repeat(61);
        assert_eq!(size(Path::new("services/users/src/app.rs"), &text), None);
        assert_eq!(
            size(Path::new("services/users/README.md"), &text),
            Some("services/users/README.md: 61 lines, at most 60".to_owned())
        );
        assert!(size(Path::new("libs/pg/src/pool.rs"), &"line\n".repeat(501)).is_some());
        assert!(size(Path::new("README.md"), &text).is_none());
    }

    #[test]
    fn another_tls_provider_is_found_by_its_whole_name() {
        let tree = "users v0.1.0 (/x)\nring v0.17.14\nopenssl-probe v0.1.6\naws-lc-rs v1.13.0\n";
        let findings = banned_crates(tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("aws-lc-rs came in"));
    }
}
