//! The points at which a process can be killed, read from the sources, and which of them are struck together.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Context, Result, bail};
use rand::{RngExt, rngs::StdRng};

/// A named point on the way of one process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub process: String,
    pub name: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.process, self.name)
    }
}

/// Points of a library in processes that never come by on the main journey, and why.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("*", "consumer.moved", "only a dead letter gets there: the scenario of the poison does"),
    ("documents", "complete_upload.", "learners upload nothing on their way: the scenario of the upload does"),
    ("users", "consumer.", "it hears of tutors only"),
    ("analytics", "consumer.", "it has a consumer of its own, with points of its own"),
];

/// Every point of every process, on the way of the main journey.
pub fn all() -> Result<Vec<Point>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = in_sources(&root.join("libs/bus/src"))?;
    let mut points = Vec::new();
    for service in fs::read_dir(root.join("services"))? {
        let folder = service?.path();
        let process = folder.file_name().and_then(|name| name.to_str()).context("a service has a name")?.to_owned();
        let wiring = fs::read_to_string(folder.join("src/app.rs")).unwrap_or_default();
        let own = in_sources(&folder.join("src"))?;
        let of_bus = shared.iter().filter(|name| match name.split('.').next() {
            // The wiring of every service starts a relay, unless the service announces nothing.
            Some("relay") => wiring.contains("use service::") && !wiring.contains("ANNOUNCES: bool = false"),
            Some("consumer") => wiring.contains("Consumer::new("),
            _ => true,
        });
        let names: BTreeSet<&String> = own.iter().chain(of_bus).collect();
        points.extend(names.into_iter().map(|name| Point { process: process.clone(), name: name.clone() }));
    }
    points.retain(|point| !is_elsewhere(point));
    points.sort();
    if points.is_empty() {
        bail!("no failpoint stands in the sources");
    }
    Ok(points)
}

fn is_elsewhere(point: &Point) -> bool {
    ELSEWHERE
        .iter()
        .any(|(process, name, _)| (*process == "*" || *process == point.process) && point.name.starts_with(name))
}

/// The names that stand in the sources below a folder.
fn in_sources(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            names.extend(in_sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(named(&fs::read_to_string(&path)?));
        }
    }
    Ok(names)
}

fn named(source: &str) -> impl Iterator<Item = String> {
    let calls = source.split("failpoint!(\"").skip(1);
    calls.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned())
}

/// How many points of one process are struck in a run: the process that was started again dies once more.
const EACH: usize = 2;

/// Sets of points, two of each process at most, so that any two points of different processes are struck in one run together.
///
/// Greedy, and the same for the same chance.
pub fn pairwise(points: &[Point], chance: &mut StdRng) -> Vec<Vec<Point>> {
    let mut open: BTreeSet<(&Point, &Point)> = BTreeSet::new();
    for (at, one) in points.iter().enumerate() {
        open.extend(points[at + 1..].iter().filter(|other| other.process != one.process).map(|other| pair(one, other)));
    }
    let mut runs = Vec::new();
    while let Some((first, second)) = open.iter().nth(chance.random_range(0..open.len().max(1))).copied() {
        let mut run = vec![first, second];
        loop {
            let has_room = |point: &&Point| {
                !run.contains(point)
                    && run.iter().filter(|other| other.process == point.process).count() < EACH
                    && !(hears_once(point) && run.iter().any(|other| hears_once(other)))
            };
            let gain = |point: &&Point| run.iter().filter(|other| open.contains(&pair(point, other))).count();
            let best = points.iter().filter(has_room).map(|point| (gain(&point), point)).max();
            match best {
                Some((gain, point)) if gain > 0 => run.push(point),
                _ => break,
            }
        }
        for (at, one) in run.iter().enumerate() {
            for other in &run[at + 1..] {
                open.remove(&pair(one, other));
            }
        }
        run.sort();
        runs.push(run.into_iter().cloned().collect());
    }
    runs
}

/// Payments hears one event in a run, when the run is published, and of nothing later. Where it died after it had applied the
/// event, it finds it applied and comes by the other points of its consumer no more.
pub fn hears_once(point: &Point) -> bool {
    point.process == "payments" && point.name.starts_with("consumer.")
}

fn pair<'a>(one: &'a Point, other: &'a Point) -> (&'a Point, &'a Point) {
    if one < other { (one, other) } else { (other, one) }
}

/// Every point by itself, and any two of different processes by themselves.
pub fn matrix(points: &[Point]) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = points.iter().map(|point| vec![point.clone()]).collect();
    for (at, one) in points.iter().enumerate() {
        let others = points[at + 1..].iter().filter(|other| other.process != one.process);
        runs.extend(others.map(|other| vec![one.clone(), other.clone()]));
    }
    runs
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn points() -> Vec<Point> {
        let sizes = [("courses", 5), ("documents", 7), ("payments", 9), ("users", 4)];
        let point = |process: &str, n: usize| Point { process: process.to_owned(), name: format!("flow.{n}") };
        sizes.iter().flat_map(|(process, size)| (0..*size).map(|n| point(process, n))).collect()
    }

    #[test]
    fn any_two_points_of_different_processes_meet_and_no_process_is_struck_too_often_in_a_run() {
        let points = points();
        let runs = pairwise(&points, &mut StdRng::seed_from_u64(7));
        for one in &points {
            for other in points.iter().filter(|other| other.process != one.process) {
                assert!(runs.iter().any(|run| run.contains(one) && run.contains(other)), "{one} and {other}");
            }
        }
        for run in &runs {
            for point in run {
                assert!(run.iter().filter(|other| other.process == point.process).count() <= EACH);
            }
        }
        assert!(runs.len() < 40, "{}", runs.len());
        assert_eq!(runs, pairwise(&points, &mut StdRng::seed_from_u64(7)));
    }

    #[test]
    fn of_what_is_heard_once_one_point_is_struck_in_a_run() {
        let mut points = points();
        let heard = ["consumer.acknowledged", "consumer.committed"];
        points.extend(heard.map(|name| Point { process: "payments".to_owned(), name: name.to_owned() }));
        let runs = pairwise(&points, &mut StdRng::seed_from_u64(7));
        for run in &runs {
            assert!(run.iter().filter(|point| hears_once(point)).count() <= 1);
        }
        assert!(heard.iter().all(|name| runs.iter().flatten().any(|point| point.name == *name)));
    }

    #[test]
    fn the_sources_are_read() {
        let source = "failpoint!(\"settle.committed\");\n    failpoint!(\"relay.published\");";
        assert_eq!(named(source).collect::<Vec<_>>(), ["settle.committed", "relay.published"]);
        let found = all().unwrap();
        let has = |process: &str, name: &str| found.iter().any(|p| p.process == process && p.name == name);
        assert!(has("payments", "settle.committed") && has("courses", "relay.published"));
        assert!(!has("courses", "consumer.moved") && !has("notifications", "relay.published"));
    }
}
