"""One service: calls, events, jobs, database, process. The same panels for every service."""

from panel import FLEET, NAMESPACE, RATE, alerts, board, series, stat, table, variable

ONE = f'{FLEET}, service=~"$service"'
OURS = 'code=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"'
# Exports and watches take as long as their reader likes.
CALLS = f'{ONE}, rpc!~".+/(Export|Watch).*"'


def quantile(share: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(rpc_server_duration_seconds_bucket{{{CALLS}}}[{RATE}])))"


BOARD = board(
    "lyceum-service",
    "Lyceum / Service",
    "Rate, errors and duration of one service, its events, jobs, database and processes.",
    [NAMESPACE, variable("service", "Service", 'label_values(rpc_server_requests_total{job="lyceum"}, service)')],
    [
        (
            "Calls",
            [
                stat(
                    "Calls",
                    "gRPC calls a second.",
                    f"sum(rate(rpc_server_requests_total{{{ONE}}}[{RATE}]))",
                    "reqps",
                    (None, "blue"),
                    decimals=1,
                ),
                stat(
                    "Failing",
                    "Share of calls that end by our fault.",
                    f"(sum(rate(rpc_server_requests_total{{{ONE}, {OURS}}}[{RATE}])) or vector(0)) / sum(rate(rpc_server_requests_total{{{ONE}}}[{RATE}]))",
                    "percentunit",
                    (None, "green"),
                    (0.001, "orange"),
                    (0.01, "red"),
                    decimals=3,
                ),
                stat(
                    "p99",
                    "99 of 100 calls end faster, streams left out.",
                    quantile("0.99"),
                    "s",
                    (None, "green"),
                    (0.25, "orange"),
                    (1, "red"),
                ),
                stat(
                    "In flight",
                    "Calls that are being answered right now.",
                    f"sum(rpc_server_in_flight{{{ONE}}})",
                    "none",
                    (None, "blue"),
                ),
                stat(
                    "Replicas",
                    "Replicas that answer Prometheus.",
                    f"sum(up{{{ONE}}})",
                    "none",
                    (None, "red"),
                    (1, "orange"),
                    (2, "green"),
                ),
                stat(
                    "Up since",
                    "When the youngest replica started.",
                    f"max(process_start_time_seconds{{{ONE}}}) * 1000",
                    "dateTimeFromNow",
                    (None, "blue"),
                ),
                series(
                    "Calls by code",
                    "Calls a second by gRPC's code.",
                    [(f"sum by (code) (rate(rpc_server_requests_total{{{ONE}}}[{RATE}]))", "{{code}}")],
                    "reqps",
                    width=12,
                    stacked=True,
                ),
                series(
                    "Duration",
                    "Quantiles of the time of a call, streams left out.",
                    [(quantile("0.5"), "p50"), (quantile("0.9"), "p90"), (quantile("0.99"), "p99")],
                    "s",
                    width=12,
                    limit=1,
                ),
                series(
                    "Busiest calls",
                    "Calls a second of the ten busiest rpcs.",
                    [(f"topk(10, sum by (rpc) (rate(rpc_server_requests_total{{{ONE}}}[{RATE}])))", "{{rpc}}")],
                    "reqps",
                    width=12,
                ),
                series(
                    "Slowest calls, p95",
                    "The ten rpcs with the slowest twentieth of calls.",
                    [
                        (
                            f"topk(10, histogram_quantile(0.95, sum by (rpc, le) (rate(rpc_server_duration_seconds_bucket{{{CALLS}}}[{RATE}]))))",
                            "{{rpc}}",
                        )
                    ],
                    "s",
                    width=12,
                ),
                table(
                    "Failing calls, last hour",
                    "Calls that ended by our fault.",
                    f"sum by (service, rpc, code) (increase(rpc_server_requests_total{{{ONE}, {OURS}}}[1h])) > 0",
                    "none",
                ),
                alerts("Alerts that fire", "What Prometheus alerts about this service.", ', service=~"$service"'),
            ],
        ),
        (
            "Events",
            [
                series(
                    "Outbox: oldest event",
                    "For how long the oldest announced event has been waiting to reach RabbitMQ.",
                    [(f"max by (service) (outbox_oldest_seconds{{{ONE}}})", "{{service}}")],
                    "s",
                    limit=60,
                ),
                series(
                    "Outbox: length",
                    "Announced events that wait to reach RabbitMQ; beyond 100,000 it is not counted.",
                    [(f"max by (service) (outbox_rows{{{ONE}}})", "{{service}}")],
                    "none",
                ),
                series(
                    "Published",
                    "Events a second that RabbitMQ confirmed, by type.",
                    [(f"sum by (type) (rate(bus_published_total{{{ONE}}}[{RATE}]))", "{{type}}")],
                    "ops",
                ),
                series(
                    "Heard",
                    "Events a second by how they ended: applied, repeated, early or failed (come again), waited (database away), dead-letter.",
                    [(f"sum by (outcome) (rate(bus_consumed_total{{{ONE}}}[{RATE}]))", "{{outcome}}")],
                    "ops",
                    stacked=True,
                ),
                series(
                    "Lag of what is applied",
                    "How long after it was announced an event has its effect here; copies are as old as this.",
                    [
                        (
                            f"histogram_quantile({share}, sum by (le) (rate(bus_consumer_lag_seconds_bucket{{{ONE}}}[{RATE}])))",
                            name,
                        )
                        for share, name in (("0.5", "p50"), ("0.95", "p95"))
                    ],
                    "s",
                    limit=10,
                ),
                series(
                    "Oldest event at hand",
                    "Age of the oldest event that the consumer has taken and not finished: it grows while the consumer is stuck.",
                    [(f"max by (consumer) (bus_consumer_oldest_seconds{{{ONE}}})", "{{consumer}}")],
                    "s",
                    limit=300,
                ),
                series(
                    "Connections to RabbitMQ lost",
                    "Interruptions of relays and consumers; each connects again by itself.",
                    [
                        (
                            f"sum by (service) (increase(bus_relay_interruptions_total{{{ONE}}}[5m])) or vector(0)",
                            "relay {{service}}",
                        ),
                        (
                            f"sum by (service) (increase(bus_consumer_interruptions_total{{{ONE}}}[5m])) or vector(0)",
                            "consumer {{service}}",
                        ),
                    ],
                    "none",
                ),
                series(
                    "Dead letters",
                    "Messages that a consumer gave up on, in five minutes, by type.",
                    [
                        (
                            f"sum by (consumer, type) (increase(bus_dead_letters_total{{{ONE}}}[5m]))",
                            "{{consumer}} {{type}}",
                        )
                    ],
                    "none",
                ),
            ],
        ),
        (
            "Database, cache and jobs",
            [
                series(
                    "Connections to the database",
                    "Connections of the pools by state, and how many there may be.",
                    [
                        (f"sum by (state) (pg_pool_connections{{{ONE}}})", "{{state}}"),
                        (f"sum(pg_pool_connections_limit{{{ONE}}})", "limit"),
                    ],
                    "none",
                ),
                series(
                    "Fullest pool",
                    "Share of its connections that the fullest replica uses.",
                    [
                        (
                            f'max by (service) (pg_pool_connections{{{ONE}, state="used"}} / on (namespace, service, instance) pg_pool_connections_limit{{{ONE}}})',
                            "{{service}}",
                        )
                    ],
                    "percentunit",
                    limit=0.9,
                ),
                series(
                    "Transactions tried again",
                    "Transactions a second that lost against another one and were repeated.",
                    [(f"sum by (service) (rate(pg_transaction_retries_total{{{ONE}}}[{RATE}]))", "{{service}}")],
                    "ops",
                ),
                series(
                    "Jobs: runs",
                    "Runs of background jobs a second by outcome.",
                    [
                        (
                            f"sum by (exported_job, outcome) (rate(job_runs_total{{{ONE}}}[{RATE}]))",
                            "{{exported_job}} {{outcome}}",
                        )
                    ],
                    "ops",
                ),
                series(
                    "Jobs: last success",
                    "How long ago each job succeeded for the last time, on the replica where it is longest ago.",
                    [
                        (
                            f"time() - min by (service, exported_job) (job_last_success_timestamp_seconds{{{ONE}}})",
                            "{{service}} {{exported_job}}",
                        )
                    ],
                    "s",
                ),
                series(
                    "Redis",
                    "Whether Redis answered last (1) or not (0); services without Redis say nothing.",
                    [(f"min by (service) (cache_up{{{ONE}}})", "{{service}}")],
                    "none",
                ),
            ],
        ),
        (
            "Process",
            [
                series(
                    "CPU by replica",
                    "Processor time of each replica.",
                    [
                        (
                            f"sum by (service, instance) (rate(process_cpu_seconds_total{{{ONE}}}[{RATE}]))",
                            "{{service}} {{instance}}",
                        )
                    ],
                    "none",
                ),
                series(
                    "Memory by replica",
                    "Resident memory of each replica.",
                    [(f"process_resident_memory_bytes{{{ONE}}}", "{{service}} {{instance}}")],
                    "bytes",
                ),
                series(
                    "Open files by replica",
                    "File descriptors, sockets among them.",
                    [(f"process_open_fds{{{ONE}}}", "{{service}} {{instance}}")],
                    "none",
                ),
            ],
        ),
    ],
)
