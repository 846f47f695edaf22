//! Each room holds only what belongs there.

use std::{fs, path::Path};

/// The parts of a file that are compiled into the service: not its tests and not its comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn files(of: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let rust = entries.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (path.display().to_string(), code(&fs::read_to_string(&path).unwrap()))).collect()
}

#[test]
fn no_room_holds_what_belongs_in_another() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms: [(&str, &[&str]); 4] = [
        (
            "domain",
            &["async ", "sqlx", "proto::", "tokio", "tracing", "crate::store", "crate::flows", "crate::app", ".now()"],
        ),
        ("store", &["proto::", "begin()", "commit()", "crate::flows", "crate::app", "tracing"]),
        ("flows", &["proto::", "sqlx::query", "tonic", "http"]),
        ("grpc", &["sqlx::query", "pg::transaction", "begin()"]),
    ];
    for (room, forbidden) in rooms {
        let files = files(&source.join(room));
        assert!(!files.is_empty(), "{room} is empty");
        for (path, code) in files {
            for word in forbidden {
                assert!(!code.contains(word), "{path} must not hold {word:?}");
            }
        }
    }
}
