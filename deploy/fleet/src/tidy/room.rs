//! The rooms of a service: from the path of a file alone one knows what cannot be in it. The table of ARCHITECTURE.md, as a test.

use super::source::Source;

/// A room and what must not be in it.
struct Room {
    /// How its files' paths below `src/` begin.
    path: &'static str,
    holds: &'static str,
    forbids: &'static [&'static str],
}

const ROOMS: [Room; 6] = [
    Room {
        path: "domain",
        holds: "law",
        forbids: &[
            "async ",
            ".await",
            "sqlx",
            "proto::",
            "tokio",
            "tonic",
            "tracing",
            "log::",
            "reqwest",
            "SystemClock",
            "Clock",
            "now_utc",
            "crate::store",
            "crate::flows",
            "crate::grpc",
            "crate::events",
            "crate::app",
        ],
    },
    Room {
        path: "store",
        holds: "memory",
        forbids: &[
            ".begin(",
            ".commit(",
            "pg::transaction",
            "proto::",
            "tonic",
            "bus::announce",
            "reqwest",
            "crate::flows",
            "crate::grpc",
            "crate::events",
            "crate::app",
        ],
    },
    Room {
        path: "flows",
        holds: "path",
        forbids: &[
            "proto::",
            "sqlx::query",
            "query_as",
            "query_scalar",
            "tonic::",
            "reqwest",
            "axum",
            "http::",
            "crate::grpc",
        ],
    },
    Room {
        path: "grpc",
        holds: "door",
        forbids: &["sqlx::query", "query_as", "query_scalar", ".begin(", ".commit(", "pg::transaction"],
    },
    Room {
        path: "events",
        holds: "voice",
        forbids: &["sqlx::query", "query_as", "query_scalar", "tonic::", "crate::grpc"],
    },
    Room {
        path: "jobs",
        holds: "clockwork",
        forbids: &["sqlx::query", "query_as", "query_scalar", "proto::", "tonic::", "crate::grpc"],
    },
];

/// Things in a service's file that belong into another room.
pub(super) fn trespasses(source: &Source) -> Vec<String> {
    let Some(inside) = inside_a_service(&source.path.to_string_lossy()).map(str::to_owned) else { return vec![] };
    let Some(room) = ROOMS.iter().find(|room| is_in(&inside, room.path)) else { return vec![] };
    let mut findings = Vec::new();
    for (index, line) in source.code.iter().enumerate() {
        for word in room.forbids.iter().filter(|word| stands_in(line, word)) {
            let place = format!("{}:{}", source.path.display(), index + 1);
            findings.push(format!(
                "{place}: `{}` has no place in {}, which holds the {}",
                word.trim(),
                room.path,
                room.holds
            ));
        }
    }
    findings
}

/// The path below `src/` of a service.
fn inside_a_service(path: &str) -> Option<&str> {
    let (_, inside) = path.strip_prefix("services/")?.split_once("/src/")?;
    Some(inside)
}

/// `grpc.rs` and everything below `grpc/` are one room.
fn is_in(inside: &str, room: &str) -> bool {
    inside.strip_prefix(room).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether the word stands there as a whole, where it begins with a letter: `log::` is not in `catalog::`.
fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let is_name = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let begins = !word.starts_with(char::is_alphabetic) || !is_name(before);
        let ends = !word.ends_with(char::is_alphanumeric) || !is_name(after);
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        trespasses(&Source::new(Path::new(path), text))
    }

    #[test]
    fn what_a_room_forbids_is_found_and_elsewhere_it_is_not() {
        let text = "use sqlx::PgPool;\n";
        assert_eq!(
            found("services/courses/src/domain/run.rs", text),
            ["services/courses/src/domain/run.rs:1: `sqlx` has no place in domain, which holds the law"]
        );
        assert!(found("services/courses/src/store/run.rs", text).is_empty());
        assert!(found("libs/pg/src/domain/run.rs", text).is_empty());
        assert!(found("services/courses/src/domains.rs", text).is_empty());
    }

    #[test]
    fn a_door_without_a_folder_is_the_same_room() {
        let text = "let mut transaction = pool.begin().await?;\n";
        assert_eq!(found("services/users/src/grpc.rs", text).len(), 1);
        assert_eq!(found("services/users/src/grpc/auth.rs", text).len(), 1);
    }

    #[test]
    fn a_word_inside_another_one_is_not_meant() {
        assert!(found("services/courses/src/domain/run.rs", "use super::catalog::Card;\n").is_empty());
        assert!(found("services/courses/src/domain/run.rs", "let clockwork = 1;\n").is_empty());
        assert_eq!(found("services/courses/src/domain/run.rs", "use values::SystemClock;\n").len(), 1);
    }
}
