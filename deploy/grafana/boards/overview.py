"""The fleet at a glance: is the promise kept, what is burning, who is there."""

from panel import FLEET, NAMESPACE, RATE, alerts, board, series, stat, table

SLO = 'namespace=~"$namespace", slo="availability"'
WAITING = f"max by (service) (outbox_oldest_seconds{{{FLEET}}})"

BOARD = board(
    "lyceum-overview",
    "Lyceum / Fleet",
    "Whether the school keeps its promise of 99.98 %, what fires, and how every service is.",
    [NAMESPACE],
    [
        (
            "The promise: 99.98 % of the requests at the gateway are answered",
            [
                stat(
                    "Availability, 30 days",
                    "Share of requests in 30 days that did not end with a 5xx. The promise is 99.98 %.",
                    f"1 - slo:sli_error:ratio_rate30d{{{SLO}}}",
                    "percentunit",
                    (None, "red"),
                    (0.9998, "green"),
                    decimals=3,
                ),
                stat(
                    "Error budget left",
                    "What is left of the 0.02 % of failures that 30 days may have; below zero the promise is broken.",
                    f"slo:period_error_budget_remaining:ratio{{{SLO}}}",
                    "percentunit",
                    (None, "red"),
                    (0.2, "orange"),
                    (0.5, "green"),
                    decimals=1,
                ),
                stat(
                    "Burn rate now",
                    "How many times faster than allowed the budget is burnt, over five minutes. At 1 it lasts for exactly 30 days.",
                    f"slo:current_burn_rate:ratio{{{SLO}}}",
                    "none",
                    (None, "green"),
                    (1, "orange"),
                    (6, "red"),
                    decimals=1,
                ),
                stat(
                    "Requests",
                    "Requests a second at the gateway, whatever the answer.",
                    f'sum(rate(http_server_responses_total{{{FLEET}, service="gateway"}}[{RATE}]))',
                    "reqps",
                    (None, "blue"),
                    decimals=1,
                ),
                stat(
                    "Failing",
                    "Share of requests that end with a 5xx, over five minutes.",
                    f"max(slo:sli_error:ratio_rate5m{{{SLO}}})",
                    "percentunit",
                    (None, "green"),
                    (0.0002, "orange"),
                    (0.00288, "red"),
                    decimals=3,
                ),
                stat(
                    "p99 of reads",
                    "99 of 100 GET requests are answered faster, over five minutes.",
                    f'histogram_quantile(0.99, sum by (le) (rate(http_server_duration_seconds_bucket{{{FLEET}, service="gateway", method="GET"}}[5m])))',
                    "s",
                    (None, "green"),
                    (0.25, "orange"),
                    (1, "red"),
                ),
                series(
                    "Burn rate by window",
                    "How fast the budget is burnt, seen over windows of different length. Both windows of a pair must exceed their limit (14.4: 1h and 5m, 6: 6h and 30m, 3: 1d and 2h, 1: 3d and 6h).",
                    [
                        (
                            f'slo:sli_error:ratio_rate{window}{{{SLO}}} / on () group_left slo:error_budget:ratio{{slo="availability"}}',
                            window,
                        )
                        for window in ("5m", "30m", "1h", "6h", "3d")
                    ],
                    "none",
                    width=12,
                ),
                series(
                    "Answers by class",
                    'Requests a second at the gateway by the class of their answer; "gone" is a client that went away before.',
                    [
                        (
                            f'sum by (class) (rate(http_server_responses_total{{{FLEET}, service="gateway"}}[{RATE}]))',
                            "{{class}}",
                        )
                    ],
                    "reqps",
                    width=12,
                    stacked=True,
                ),
            ],
        ),
        (
            "What is burning",
            [
                alerts("Alerts that fire", "What Prometheus alerts about right now; each has a runbook.", ""),
                table(
                    "Routes that failed, last hour",
                    "Routes at the gateway whose requests ended with a 5xx.",
                    f'sum by (route, method, status) (increase(http_server_requests_total{{{FLEET}, service="gateway", status=~"5.."}}[1h])) > 0',
                    "none",
                ),
            ],
        ),
        (
            "Services",
            [
                series(
                    "Replicas that answer",
                    "Replicas of each service that Prometheus can scrape.",
                    [(f"sum by (service) (up{{{FLEET}}})", "{{service}}")],
                    "none",
                ),
                series(
                    "Calls by service",
                    "gRPC calls a second that each service answers.",
                    [(f"sum by (service) (rate(rpc_server_requests_total{{{FLEET}}}[{RATE}]))", "{{service}}")],
                    "reqps",
                ),
                series(
                    "Failing calls by service",
                    "Share of calls that end by our fault (UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS).",
                    [
                        (
                            f'(sum by (service) (rate(rpc_server_requests_total{{{FLEET}, code=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"}}[{RATE}])) or sum by (service) (rate(rpc_server_requests_total{{{FLEET}}}[{RATE}])) * 0) / sum by (service) (rate(rpc_server_requests_total{{{FLEET}}}[{RATE}]))',
                            "{{service}}",
                        )
                    ],
                    "percentunit",
                    limit=0.01,
                ),
                series(
                    "Oldest event in the outbox",
                    "For how long the oldest announced event has been waiting to reach RabbitMQ.",
                    [(WAITING, "{{service}}")],
                    "s",
                    limit=60,
                ),
                series(
                    "Lag of consumers, p95",
                    "How long after it was announced an event has its effect in another service; copies are as old as this.",
                    [
                        (
                            f"histogram_quantile(0.95, sum by (consumer, le) (rate(bus_consumer_lag_seconds_bucket{{{FLEET}}}[{RATE}])))",
                            "{{consumer}}",
                        )
                    ],
                    "s",
                    limit=10,
                ),
                series(
                    "CPU by service",
                    "Processor time that the processes of each service use, all replicas together.",
                    [(f"sum by (service) (rate(process_cpu_seconds_total{{{FLEET}}}[{RATE}]))", "{{service}}")],
                    "none",
                ),
                series(
                    "Memory by service",
                    "Resident memory of the processes of each service, all replicas together.",
                    [(f"sum by (service) (process_resident_memory_bytes{{{FLEET}}})", "{{service}}")],
                    "bytes",
                ),
                table(
                    "Versions that run",
                    "Which release each service runs, and how many replicas of it.",
                    f"sum by (service, version, revision) (lyceum_build_info{{{FLEET}}})",
                    "none",
                    width=8,
                ),
                table(
                    "Certificates",
                    "How long the TLS certificates that are in use still hold.",
                    f"min by (service, certificate) (tls_certificate_not_after_timestamp_seconds{{{FLEET}}}) - time()",
                    "s",
                    width=8,
                ),
            ],
        ),
    ],
)
