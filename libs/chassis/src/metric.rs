//! Metrics for Prometheus: the recorder behind the `metrics` macros, and what the process knows of itself.

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use values::SharedClock;

use crate::Build;

/// Upper bounds of the buckets of everything that is measured in seconds.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Of what may also wait for hours or days: events for their consumer, mail, money, certificates, jobs.
const HOURS: [f64; 18] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0,
    86_400.0,
];

/// What has them.
const WAITS: [&str; 5] = [
    "bus_consumer_lag_seconds",
    "certificate_print_seconds",
    "job_duration_seconds",
    "mail_delivery_seconds",
    "payment_settlement_seconds",
];

/// Of how many events are applied together.
const EVENTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0];

/// Ticks a second in /proc: the kernel's fixed USER_HZ, a hundred, so a tick is ten milliseconds.
const TICK: u64 = 10;

/// Keeps the metrics and writes them down when it is asked.
#[derive(Clone)]
pub(crate) struct Recorder {
    handle: PrometheusHandle,
    started: i64,
    build: Build,
}

impl Recorder {
    /// Makes this the recorder of the process.
    pub(crate) fn install(clock: &SharedClock, build: Build) -> anyhow::Result<Self> {
        let handle = builder()?.install_recorder().context("the recorder of metrics cannot be installed")?;
        Ok(Self { handle, started: clock.now().unix_timestamp(), build })
    }

    /// Everything, in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        let mut text = self.handle.render();
        // A String takes everything that is written to it.
        let _ = self.write_process(&mut text);
        text
    }

    /// Merges what was recorded since the last time; without it, memory grows between two scrapes.
    pub(crate) fn tidy(&self) {
        self.handle.run_upkeep();
    }

    fn write_process(&self, out: &mut String) -> std::fmt::Result {
        let Build { version, revision } = self.build;
        writeln!(out, "# TYPE lyceum_build_info gauge")?;
        writeln!(out, "lyceum_build_info{{version=\"{version}\",revision=\"{revision}\"}} 1")?;
        let started = self.started;
        writeln!(out, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}")?;
        if let Some(bytes) = resident() {
            writeln!(out, "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}")?;
        }
        if let Some(cpu) = cpu() {
            let seconds = cpu.as_secs_f64();
            writeln!(out, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {seconds}")?;
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            writeln!(out, "# TYPE process_open_fds gauge\nprocess_open_fds {}", open.count())?;
        }
        Ok(())
    }
}

/// Which metrics have which buckets.
fn builder() -> anyhow::Result<PrometheusBuilder> {
    let (seconds, events) = (Matcher::Suffix("_seconds".to_owned()), Matcher::Suffix("_events".to_owned()));
    let mut builder =
        PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?.set_buckets_for_metric(events, &EVENTS)?;
    for name in WAITS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &HOURS)?;
    }
    Ok(builder)
}

/// Memory that is really in use, in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// CPU time used so far.
fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets and may hold anything; the others follow its last bracket.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * TICK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_hours_is_not_said_to_wait_for_half_a_minute() {
        let recorder = builder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("bus_consumer_lag_seconds").record(3_000.0);
            metrics::histogram!("rpc_server_duration_seconds").record(0.2);
            metrics::histogram!("bus_batch_events").record(700.0);
        });
        let text = recorder.handle().render();
        for line in [
            r#"bus_consumer_lag_seconds_bucket{le="900"} 0"#,
            r#"bus_consumer_lag_seconds_bucket{le="3600"} 1"#,
            r#"rpc_server_duration_seconds_bucket{le="0.25"} 1"#,
            r#"bus_batch_events_bucket{le="500"} 0"#,
            r#"bus_batch_events_bucket{le="1000"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn the_process_knows_its_memory_and_its_cpu_time() {
        assert!(resident().unwrap() > 1_000_000);
        let before = cpu().unwrap();
        let mut sum = 0_u64;
        while cpu().unwrap() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu().unwrap() < before + Duration::from_secs(60));
    }
}
