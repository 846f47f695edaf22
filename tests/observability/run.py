#!/usr/bin/env python3
"""Dashboards and alerts, checked as files and then asked of a real Prometheus that scrapes the running fleet during
a journey."""

import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import excused
import offline
import recording
from monitoring import ROOT, Fleet, Prometheus, running, until

# What Grafana would put in for its variables.
VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$namespace": ".*",
    "$service": ".*",
    "$route": ".*",
    "$postgres": ".*",
}
# For how long panels may have nothing to show after the journey: background jobs measure every 15 seconds.
SETTLING = 60
WORDS = {
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "and",
    "or",
    "unless",
    "offset",
    "bool",
    "inf",
    "nan",
}


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def metrics(expression: str) -> set[str]:
    """The metrics that an expression names."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    # Neither functions nor durations.
    return set(re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\b(?!\s*\()", bare)) - WORDS


def sources() -> str:
    """Every source of ours, in which the name of a metric must stand that happened to stay away."""
    return "\n".join(
        path.read_text() for folder in ("libs", "services") for path in (ROOT / folder).rglob("src/**/*.rs")
    )


def traffic(fleet: Fleet) -> None:
    """Plays the journey, and has the gateway refuse something."""
    gateway, sandbox = fleet.doors["gateway"].rstrip("/"), fleet.doors["sandbox"].rstrip("/")
    demo = ["cargo", "run", "--quiet", "--package", "fleet", "--", "demo", "--gateway", gateway, "--sandbox", sandbox]
    subprocess.run(
        demo, cwd=ROOT, env=os.environ | {"CARGO_TERM_COLOR": "never"}, check=True, stdout=subprocess.DEVNULL
    )
    for path in ["/v1/courses", "/v1/me", "/nowhere"] * 5:
        try:
            urllib.request.urlopen(gateway + path, timeout=10).read()
        except urllib.error.HTTPError as refused:
            if refused.code >= 500:
                raise SystemExit(f"{path}: {refused.code}") from refused


def empty(prometheus: Prometheus) -> tuple[list[str], list[str]]:
    """Queries of panels that are wrong, and those that have nothing to show and are not excused."""
    wrong, silent = [], []
    for name, board in offline.dashboards().items():
        for panel in offline.panels(board):
            may = (name, panel["title"]) in excused.EMPTY
            for target in panel["targets"]:
                try:
                    found = prometheus.query(filled(target["expr"]))
                except ValueError as error:
                    wrong.append(f"{name}, {panel['title']}: {error}")
                    continue
                may_query = any(part in target["expr"] for part in excused.EMPTY_QUERIES)
                if not found and not may and not may_query:
                    silent.append(f"{name}, {panel['title']}: nothing to show for {target['expr']}")
    return wrong, silent


def expressions(prometheus: Prometheus) -> dict[str, str]:
    """Everything that is asked, by who asks."""
    groups = prometheus.ask("rules")["groups"]
    asked: dict[str, str] = {}
    for rule in [rule for group in groups for rule in group["rules"]]:
        asked[rule["name"]] = " or ".join(filter(None, [asked.get(rule["name"]), rule["query"]]))
    for name, board in offline.dashboards().items():
        for panel in offline.panels(board):
            asked[f"{name}, {panel['title']}"] = " or ".join(filled(target["expr"]) for target in panel["targets"])
    return asked


def unknown(prometheus: Prometheus) -> list[str]:
    """Metrics that rules and panels ask for and that nobody makes, and labels that Kubernetes' do not have."""
    groups, asked = prometheus.ask("rules")["groups"], expressions(prometheus)
    seen = (
        set(prometheus.ask("label/__name__/values"))
        | {"ALERTS"}
        | {rule["name"] for group in groups for rule in group["rules"]}
    )
    ours = sources()
    missing = []
    for where, expression in asked.items():
        missing += recording.strange(where, expression)
        for metric in metrics(expression) - seen:
            written = re.sub(r"_(bucket|count|sum)$", "", metric)
            if f'"{written}"' not in ours and not any(metric.startswith(name) for name in excused.OUTSIDE):
                missing.append(f"{where}: nobody makes {metric}")
    return missing


def broken(prometheus: Prometheus) -> list[str]:
    """Rules that could not be evaluated; alerts that fire in a healthy fleet, or would if it stayed as it is; and those
    that do not although they should, in the recorded namespace in which everything is wrong."""
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    wrong = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
    # An alert that waits for its time to pass is on its way: minutes later it would fire.
    alerts = [(one["labels"], one["state"]) for one in prometheus.ask("alerts")["alerts"]]
    well = [(labels, state) for labels, state in alerts if labels.get("namespace") != "sick"]
    wrong += [
        f"in a healthy fleet {labels['alertname']} is {state}: {labels}"
        for labels, state in well
        if labels["alertname"] != "Watchdog"
    ]
    if not any(labels["alertname"] == "Watchdog" and state == "firing" for labels, state in well):
        wrong.append("Watchdog does not fire")
    sick = {labels["alertname"] for labels, _ in alerts if labels.get("namespace") == "sick"}
    if sick != excused.SICK:
        wrong.append(f"in the namespace `sick`: {sorted(sick ^ excused.SICK)} are missing or too many")
    return wrong


def untranslated(prometheus: Prometheus) -> list[str]:
    """What rules and panels ask of PostgreSQL, and CloudNativePG's own exporter does not have under that name."""
    asked = expressions(prometheus)
    wanted = {metric for expression in asked.values() for metric in metrics(expression) if metric.startswith("pg_")}
    ours = {metric for metric in wanted if f'"{metric}"' in sources()}
    found = {one["metric"]["__name__"] for one in prometheus.query('{job="cloudnative-pg"}')}
    missing = wanted - ours - found - excused.ONLY_POSTGRES_EXPORTER
    return [f"CloudNativePG has no {metric}" for metric in sorted(missing)]


def main() -> None:
    begun = time.monotonic()
    wrong = offline.check()
    print(f"  files: {len(wrong)} problems, {time.monotonic() - begun:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as (fleet, prometheus):
        print(
            f"  Prometheus scrapes {len(fleet.services)} services, 4 exporters and what was recorded, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
        traffic(fleet)
        print(f"  the journey is over, {time.monotonic() - begun:.0f} s", flush=True)
        # Scrapes after the last event, so that increases are seen; then every rule once more.
        settled = time.monotonic() + SETTLING
        while empty(prometheus)[1] and time.monotonic() < settled:
            time.sleep(2)
        until(
            "every rule was evaluated",
            lambda: all(
                rule["health"] != "unknown" for group in prometheus.ask("rules")["groups"] for rule in group["rules"]
            ),
        )
        mistakes, silent = empty(prometheus)
        wrong += mistakes + silent + unknown(prometheus) + broken(prometheus) + untranslated(prometheus)
        boards = offline.dashboards()
        queries = sum(len(panel["targets"]) for board in boards.values() for panel in offline.panels(board))
        rules = sum(len(group["rules"]) for group in prometheus.ask("rules")["groups"])
        print(
            f"  {queries} queries of {len(boards)} dashboards and {rules} rules were evaluated, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    if wrong:
        raise SystemExit("\n".join(wrong) + f"\nobservability: {len(wrong)} problems")


main()
