//! What a scenario found, for people as a table and for programs as JSON.

use std::fmt::Write;

use serde::Serialize;

/// Everything that one scenario found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The scenario's name, as it is asked for.
    pub scenario: &'static str,
    /// What was asked, in a sentence.
    pub about: String,
    /// One row for the fleet, one for the reference, more where it helps.
    pub rows: Vec<Row>,
    /// What was to be reached, and whether it was.
    pub targets: Vec<Target>,
}

/// One thing that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What: `fleet`, `reference`, the name of a service.
    pub what: String,
    /// Its figures, in the order in which they are shown.
    pub figures: Vec<Figure>,
}

/// One number with its unit.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Such as `p99`.
    pub name: &'static str,
    /// The number.
    pub value: u64,
    /// Such as `µs`, `1/s` or `kB`.
    pub unit: &'static str,
}

/// A number to reach.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// In words, such as `p99 < 25 ms`.
    pub what: String,
    /// Whether this run reached it.
    pub met: bool,
}

impl Row {
    /// A row without figures yet.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), figures: Vec::new() }
    }

    /// Adds a figure.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: u64, unit: &'static str) -> Self {
        self.figures.push(Figure { name, value, unit });
        self
    }

    /// A figure's value.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

impl Target {
    /// A target and whether it was met.
    pub fn new(what: impl Into<String>, met: bool) -> Self {
        Self { what: what.into(), met }
    }
}

impl Report {
    /// As people read it.
    pub fn render(&self) -> String {
        let mut out = format!("\n{} — {}\n", self.scenario, self.about);
        let widest = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let figures: Vec<String> = row.figures.iter().map(Figure::render).collect();
            let _ = writeln!(out, "  {:widest$}  {}", row.what, figures.join(" · "));
        }
        for target in &self.targets {
            let _ = writeln!(out, "  {} {}", if target.met { "✓" } else { "✗ MISSED" }, target.what);
        }
        out
    }
}

impl Figure {
    fn render(&self) -> String {
        match self.unit {
            "µs" if self.value >= 10_000 => {
                format!("{} {}.{} ms", self.name, self.value / 1000, self.value % 1000 / 100)
            }
            "µs" if self.value >= 1000 => {
                format!("{} {}.{:02} ms", self.name, self.value / 1000, self.value % 1000 / 10)
            }
            "kB" if self.value >= 10_000 => {
                format!("{} {}.{} MB", self.name, self.value / 1024, self.value % 1024 * 10 / 1024)
            }
            unit => format!("{} {} {unit}", self.name, self.value).trim_end().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_in_units_that_people_read() {
        let row = Row::new("fleet").with("p50", 940, "µs").with("p99", 12_345, "µs").with("memory", 20_480, "kB");
        let shown: Vec<String> = row.figures.iter().map(Figure::render).collect();
        assert_eq!(shown, ["p50 940 µs", "p99 12.3 ms", "memory 20.0 MB"]);
        let report = Report {
            scenario: "outline",
            about: "of 100 lessons".into(),
            rows: vec![row],
            targets: vec![Target::new("p99 < 25 ms", false)],
        };
        assert!(report.render().contains("✗ MISSED p99 < 25 ms"));
    }
}
