//! The rooms of a service: from the path of a file alone one knows what cannot be in it. The table of ARCHITECTURE.md, as a test.

use super::source::Source;

/// A room, what it holds, and what it may not name. `hear` stands above the flows, as the door and the jobs do, and `announce`
/// below them: so nothing goes in a circle.
struct Room {
    /// How its files' paths below `src/` begin.
    path: &'static str,
    holds: &'static str,
    forbids: &'static [&'static str],
    /// The rooms of its own service that stand above it.
    below: &'static [&'static str],
}

/// How SQL begins, which stands in the store alone.
const SQL: [&str; 3] = ["sqlx::query", "query_as", "query_scalar"];

#[rustfmt::skip]
const ROOMS: [Room; 8] = [
    Room {
        path: "domain", holds: "rules",
        forbids: &["async ", ".await", "sqlx", "proto::", "tokio", "tonic", "tracing", "metrics::", "log::", "reqwest",
                   "SystemClock", "Clock", "now_utc", ".now("],
        below: &["store", "announce", "flows", "hear", "grpc", "jobs", "app"],
    },
    Room {
        path: "store", holds: "rows",
        forbids: &[".begin(", ".commit(", "pg::transaction", "proto::", "tonic", "bus::announce", "metrics::", "reqwest"],
        below: &["announce", "flows", "hear", "grpc", "jobs", "app"],
    },
    Room {
        path: "provider", holds: "calls of a provider",
        forbids: &["sqlx", "proto::"],
        below: &["store", "announce", "flows", "hear", "grpc", "jobs", "app"],
    },
    Room {
        path: "announce", holds: "what is announced",
        forbids: &["tonic::", "pg::transaction", ".begin(", ".commit("],
        below: &["flows", "hear", "grpc", "jobs", "app"],
    },
    Room {
        path: "flows", holds: "the order of steps",
        forbids: &["proto::", "tonic::", "reqwest", "axum", "http::"],
        below: &["hear", "grpc", "jobs"],
    },
    Room {
        path: "hear", holds: "what is done about events",
        forbids: &["tonic::", "pg::transaction", ".begin(", ".commit("],
        below: &["grpc", "jobs"],
    },
    Room {
        path: "grpc", holds: "the door",
        forbids: &["pg::transaction", ".begin(", ".commit(", "bus::announce"],
        below: &["hear", "jobs"],
    },
    Room {
        path: "jobs", holds: "what is done from time to time",
        forbids: &["proto::", "tonic::"],
        below: &["hear", "grpc"],
    },
];

/// Things in a service's file that belong into another room.
pub(super) fn trespasses(source: &Source) -> Vec<String> {
    let path = source.path.to_string_lossy();
    let Some((_, inside)) = inside_a_service(&path) else { return vec![] };
    if is_in(inside, "events") {
        let advice = "`events` is two rooms: `announce`, below the flows, and `hear`, beside the door";
        return vec![format!("{path}: {advice}")];
    }
    let Some(room) = ROOMS.iter().find(|room| is_in(inside, room.path)) else { return vec![] };
    let sql: &[&str] = if room.path == "store" { &[] } else { &SQL };
    let mut findings = Vec::new();
    let mut complain = |index: usize, word: &str| {
        let (line, word, Room { path: room, holds, .. }) = (index + 1, word.trim(), room);
        findings.push(format!("{path}:{line}: `{word}` has no place in {room}, which holds {holds}"));
    };
    for (index, line) in source.code.iter().enumerate() {
        for word in room.forbids.iter().chain(sql).filter(|word| stands_in(line, word)) {
            complain(index, word);
        }
    }
    for (index, named) in rooms_named(&source.code) {
        if room.below.contains(&named.as_str()) {
            complain(index, &format!("crate::{named}"));
        }
    }
    findings
}

/// The rooms of its own service that a file names, with the line: `crate::flows::enrol` and `use crate::{app::App, flows}`.
fn rooms_named(code: &[String]) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (index, line) in code.iter().enumerate() {
        for (at, prefix) in line.match_indices("crate::") {
            let rest = &line[at + prefix.len()..];
            match rest.strip_prefix('{') {
                // A group may go on for some lines; the names at its first level are rooms.
                Some(group) => {
                    let lines = std::iter::once(group).chain(code[index + 1..].iter().map(String::as_str));
                    named.extend(first_level(lines).into_iter().map(|name| (index, name)));
                }
                None => named.push((index, name_of(rest))),
            }
        }
    }
    named
}

/// What a group names, up to the brace that closes it.
fn first_level<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut names, mut item, mut depth) = (Vec::new(), String::new(), 0);
    for character in lines.flat_map(|line| line.chars().chain([' '])) {
        match character {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name_of(std::mem::take(&mut item).trim())),
            _ if depth == 0 => item.push(character),
            _ => {}
        }
    }
    names.push(name_of(item.trim()));
    names
}

/// The name that a path begins with.
fn name_of(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The service and the path below its `src/`.
fn inside_a_service(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("services/")?.split_once("/src/")
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
            ["services/courses/src/domain/run.rs:1: `sqlx` has no place in domain, which holds rules"]
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

    #[test]
    fn announcing_knows_no_flow_and_a_flow_knows_nothing_that_hears() {
        assert_eq!(found("services/later/src/announce.rs", "use crate::flows::enrol;\n").len(), 1);
        assert_eq!(found("services/later/src/announce/run.rs", "use crate::app::App;\n").len(), 1);
        assert_eq!(found("services/later/src/flows/enrol.rs", "use crate::hear::read;\n").len(), 1);
        let group = "use crate::{\n    announce,\n    store::{hear, jobs},\n    hear::{self, read},\n};\n";
        assert_eq!(found("services/later/src/flows/enrol.rs", group).len(), 1);
        assert!(found("services/later/src/hear.rs", "use crate::{app::App, flows::enrol};\n").is_empty());
        assert!(found("services/later/src/flows/enrol.rs", "use crate::{announce, store};\n").is_empty());
        assert_eq!(found("services/later/src/events.rs", "").len(), 1);
    }
}
