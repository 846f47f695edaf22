//! What a room must not hold cannot be in it.

use std::{fs, path::Path};

/// Folder, and what none of its files may contain.
const BANNED: [(&str, &[&str]); 7] = [
    (
        "domain",
        &["sqlx", "proto::", "tokio", "async ", "tracing::", "metrics::", "clock", "crate::store", "crate::flows"],
    ),
    ("store", &[".begin()", ".commit()", "proto::", "crate::flows", "crate::grpc", "metrics::"]),
    ("flows", &["proto::", "sqlx::query", "http::", "crate::grpc"]),
    ("grpc", &["sqlx::query", "pg::transaction", "bus::"]),
    ("provider", &["sqlx", "proto::", "crate::store", "crate::flows"]),
    ("announce.rs", &["sqlx::query", "crate::flows", "crate::store"]),
    ("hear.rs", &["sqlx::query"]),
];

const LONGEST: usize = 500;

fn files(at: &Path, found: &mut Vec<std::path::PathBuf>) {
    if at.is_dir() {
        fs::read_dir(at).unwrap().for_each(|entry| files(&entry.unwrap().path(), found));
    } else if at.exists() {
        found.push(at.to_owned());
    }
}

#[test]
fn every_line_is_in_its_room() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, banned) in BANNED {
        let mut found = vec![];
        files(&src.join(room), &mut found);
        files(&src.join(format!("{room}.rs")), &mut found);
        assert!(!found.is_empty(), "{room} is gone");
        for file in found {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            for word in banned {
                let bad = code.iter().find(|line| line.contains(word));
                assert!(bad.is_none(), "{} must not hold {word:?}: {bad:?}", file.display());
            }
        }
    }
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![];
    files(&root.join("src"), &mut found);
    files(&root.join("tests"), &mut found);
    for file in found {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", file.display());
    }
}
