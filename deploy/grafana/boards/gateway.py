"""The only door from the Internet: rate, errors and duration by route, and what it sends away by itself."""

from panel import FLEET, NAMESPACE, RATE, board, series, stat, table, variable

DOOR = f'{FLEET}, service="gateway"'
ROUTE = f'{DOOR}, route=~"$route"'
BUCKETS = "http_server_duration_seconds_bucket"


def quantile(share: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({BUCKETS}{{{ROUTE}}}[{RATE}])))"


BOARD = board(
    "lyceum-gateway",
    "Lyceum / Gateway",
    "Rate, errors and duration of every route, refusals and limits.",
    [
        NAMESPACE,
        variable("route", "Route", 'label_values(http_server_requests_total{job="lyceum", service="gateway"}, route)'),
    ],
    [
        (
            "Rate, errors, duration",
            [
                stat(
                    "Requests",
                    "Requests a second, whatever the answer.",
                    f"sum(rate(http_server_requests_total{{{ROUTE}}}[{RATE}]))",
                    "reqps",
                    (None, "blue"),
                    decimals=1,
                ),
                stat(
                    "Failing",
                    "Share of requests that end with a 5xx.",
                    f'(sum(rate(http_server_requests_total{{{ROUTE}, status=~"5.."}}[{RATE}])) or vector(0)) / sum(rate(http_server_requests_total{{{ROUTE}}}[{RATE}]))',
                    "percentunit",
                    (None, "green"),
                    (0.0002, "orange"),
                    (0.00288, "red"),
                    decimals=3,
                ),
                stat(
                    "p50",
                    "Half of the requests are answered faster.",
                    quantile("0.5"),
                    "s",
                    (None, "green"),
                    (0.1, "orange"),
                ),
                stat(
                    "p99",
                    "99 of 100 requests are answered faster. Durations end with the answer's head.",
                    quantile("0.99"),
                    "s",
                    (None, "green"),
                    (0.25, "orange"),
                    (1, "red"),
                ),
                stat(
                    "In flight",
                    "Requests that are being answered right now.",
                    f"sum(http_server_in_flight{{{DOOR}}})",
                    "none",
                    (None, "blue"),
                ),
                stat(
                    "Connections",
                    "Connections that clients hold open.",
                    f"sum(server_connections{{{DOOR}}})",
                    "none",
                    (None, "blue"),
                ),
                series(
                    "Requests by status",
                    'Requests a second by the status of the answer; "gone" is a client that went away before.',
                    [(f"sum by (status) (rate(http_server_requests_total{{{ROUTE}}}[{RATE}]))", "{{status}}")],
                    "reqps",
                    width=12,
                    stacked=True,
                ),
                series(
                    "Duration",
                    "Quantiles of the time until the answer's head.",
                    [(quantile("0.5"), "p50"), (quantile("0.9"), "p90"), (quantile("0.99"), "p99")],
                    "s",
                    width=12,
                    limit=1,
                ),
            ],
        ),
        (
            "By route",
            [
                series(
                    "Busiest routes",
                    "Requests a second of the ten busiest routes.",
                    [
                        (
                            f"topk(10, sum by (route, method) (rate(http_server_requests_total{{{ROUTE}}}[{RATE}])))",
                            "{{method}} {{route}}",
                        )
                    ],
                    "reqps",
                    width=12,
                ),
                series(
                    "Slowest routes, p95",
                    "The ten routes with the slowest twentieth of requests.",
                    [
                        (
                            f"topk(10, histogram_quantile(0.95, sum by (route, le) (rate({BUCKETS}{{{ROUTE}}}[{RATE}]))))",
                            "{{route}}",
                        )
                    ],
                    "s",
                    width=12,
                ),
                table(
                    "Failures by route, last hour",
                    "Requests that ended with a 5xx.",
                    f'sum by (route, method, status) (increase(http_server_requests_total{{{ROUTE}, status=~"5.."}}[1h])) > 0',
                    "none",
                ),
                table(
                    "Refusals by route, last hour",
                    "Requests that ended with a 4xx: often a client that is wrong, sometimes a release that is.",
                    f'topk(20, sum by (route, method, status) (increase(http_server_requests_total{{{ROUTE}, status=~"4.."}}[1h])))',
                    "none",
                ),
            ],
        ),
        (
            "Limits and neighbours",
            [
                series(
                    "Rate limits",
                    "Checks of the limits a second, by limit and outcome.",
                    [
                        (
                            f"sum by (limit, outcome) (rate(rate_limit_checks_total{{{DOOR}}}[{RATE}]))",
                            "{{limit}} {{outcome}}",
                        )
                    ],
                    "reqps",
                ),
                series(
                    "Redis calls",
                    'Calls of Redis a second by outcome; "failed" and "skipped" mean that every replica counts by itself.',
                    [(f"sum by (outcome) (rate(cache_operations_total{{{DOOR}}}[{RATE}]))", "{{outcome}}")],
                    "ops",
                ),
                series(
                    "Endpoints of the neighbours",
                    "Replicas of each service that the gateway balances over; only inside Kubernetes.",
                    [(f"min by (target) (discovery_endpoints{{{DOOR}}})", "{{target}}")],
                    "none",
                ),
                series(
                    "Calls sent again",
                    "Calls that went to another replica because the first had not begun them.",
                    [(f"sum by (target) (rate(rpc_client_resent_total{{{DOOR}}}[{RATE}]))", "{{target}}")],
                    "reqps",
                ),
                series(
                    "CPU by replica",
                    "Processor time of each replica.",
                    [(f"sum by (instance) (rate(process_cpu_seconds_total{{{DOOR}}}[{RATE}]))", "{{instance}}")],
                    "none",
                ),
                series(
                    "Memory by replica",
                    "Resident memory of each replica.",
                    [(f"process_resident_memory_bytes{{{DOOR}}}", "{{instance}}")],
                    "bytes",
                ),
            ],
        ),
    ],
)
