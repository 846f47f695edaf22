//! From its path alone a reader knows what cannot be in a file.

use std::{fs, path::Path};

/// What must not be written in a room.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("src/domain", &["sqlx", "proto::", "tokio", "tracing", "async ", "tonic", "clock"]),
    ("src/store", &["proto::", "tonic", "begin()", "commit()", "crate::flows", "crate::grpc"]),
    ("src/flows", &["proto::", "tonic", "sqlx::query", "crate::grpc"]),
    ("src/grpc", &["sqlx", "pg::transaction"]),
];

#[test]
fn every_room_keeps_to_itself() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (room, words) in FORBIDDEN {
        let files: Vec<_> = fs::read_dir(crate_folder.join(room)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.len() > 5, "{room} moved");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            // Comments may speak of anything, and tests stand at the end.
            let code = text.lines().take_while(|line| !line.contains("#[cfg(test)]"));
            for line in code.filter(|line| !line.trim_start().starts_with("//")) {
                broken
                    .extend(words.iter().filter(|word| line.contains(**word)).map(|word| format!("{file:?}: {word}")));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}
