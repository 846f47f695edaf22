use std::io::Write;
use std::process::{Command, Stdio};

use time::macros::datetime;

use super::*;

fn printer() -> Printer {
    Printer::new("Lyceum".to_owned(), &TimeZone::parse("Europe/Moscow").unwrap(), None).unwrap()
}

fn snapshot(language: Language, name: &str, title: &str) -> Snapshot {
    Snapshot {
        number: "LYC-2026-1T51PB2DV".to_owned(),
        holder_name: name.to_owned(),
        course_title: title.to_owned(),
        language,
        completed_at: datetime!(2026-11-26 10:00 UTC),
        issued_at: datetime!(2026-11-26 10:00 UTC),
        check_url: "https://school.example/certificates/LYC-2026-1T51PB2DV".to_owned(),
    }
}

fn samples() -> [Snapshot; 4] {
    let long = "Константин-Александр Владиславович Рождественский-Преображенский, граф Бестужев-Рюмин фон Гогенцоллерн-Зигмаринген";
    [
        snapshot(Language::Russian, "Анна Петрова", "Ржавчина для начинающих"),
        snapshot(Language::English, "Anna Petrova", "Rust for Beginners"),
        snapshot(
            Language::Russian,
            long,
            "Проектирование отказоустойчивых распределённых систем на языке Rust: от первых принципов до промышленной эксплуатации, наблюдаемости и восстановления после сбоев",
        ),
        snapshot(
            Language::English,
            &"Wolfeschlegelsteinhausenbergerdorff ".repeat(5),
            &"Designing Resilient Distributed Systems ".repeat(5),
        ),
    ]
}

/// What a reader copies out of a PDF; none where the machine has no reader.
fn text(pdf: &[u8]) -> Option<String> {
    let reader =
        Command::new("pdftotext").args(["-layout", "-", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut reader = reader.ok()?;
    reader.stdin.take().unwrap().write_all(pdf).unwrap();
    let read = reader.wait_with_output().unwrap();
    assert!(read.status.success());
    Some(String::from_utf8(read.stdout).unwrap())
}

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    for snapshot in samples() {
        let (first, second) = (printer().print(&snapshot).unwrap(), printer().print(&snapshot).unwrap());
        assert_eq!(first, second);
        assert!(first.starts_with(b"%PDF-1.7"));
        assert!(first.len() < 120_000, "{} bytes", first.len());
    }
    let [one, other, ..] = samples();
    assert_ne!(printer().print(&one).unwrap(), printer().print(&other).unwrap());
}

#[test]
fn what_it_says_can_be_copied_out_of_it() {
    for snapshot in samples() {
        let pdf = printer().print(&snapshot).unwrap();
        let Some(text) = text(&pdf) else { return };
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in [
            snapshot.number.as_str(),
            snapshot.holder_name.trim().split(' ').next().unwrap(),
            "school.example/certificates",
        ] {
            assert!(words.contains(word), "{word} in {words}");
        }
    }
}

#[test]
fn hostile_texts_are_printed_too() {
    let hostile = "\u{0}\u{202e}\n{school}<b>&amp;\u{1f980}\u{feff}e\u{301}".repeat(20);
    for text in ["", " ", hostile.as_str(), &"W".repeat(5_000)] {
        printer().print(&snapshot(Language::English, text, text)).unwrap();
    }
}
