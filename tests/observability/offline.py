"""What can be checked without a fleet: that generated files are fresh, dashboards are whole, runbooks are there,
rules do what they say."""

import functools
import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import inhibition
import recording
import yaml

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
PROMETHEUS = ROOT / "deploy/prometheus"
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
# Grafana's names of units that we use: a name that it does not know is printed behind the number.
UNITS = {"none", "s", "bytes", "Bps", "reqps", "ops", "percentunit", "dateTimeFromNow"}


def run(*command: str | Path) -> list[str]:
    """Runs a program; what it said, if it failed."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return [] if done.returncode == 0 else [f"{' '.join(map(str, command))}\n{done.stdout}"]


def dashboards() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


@functools.cache
def announced() -> list[str]:
    """Where events are defined."""
    return [path.read_text() for path in (ROOT / "proto/lyceum/events/v1").glob("*.proto")]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def lint(name: str, board: dict[str, Any]) -> list[str]:
    """The rules of Grafana's own linter of dashboards, and that no panel lies on another."""
    wrong = []
    variables = {variable["name"] for variable in board["templating"]["list"]}
    if board["uid"] != name or board["editable"] or {"lyceum", "generated"} - set(board["tags"]):
        wrong.append("uid, tags or editable")
    if "datasource" not in variables or not board["description"]:
        wrong.append("no variable of the data source, or no description")
    for panel in panels(board):
        title = panel["title"]
        for key in ("title", "description"):
            if not panel.get(key):
                wrong.append(f"{title}: no {key}")
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            wrong.append(f"{title}: no unit that we use")
        for target in panel["targets"]:
            expression = target["expr"]
            for event in re.findall(r'type="lyceum\.events\.v1\.(\w+)"', expression):
                if not any(f"message {event} {{" in text for text in announced()):
                    wrong.append(f"{title}: no event is called {event}")
            if target["datasource"]["uid"] != "${datasource}" or panel["datasource"]["uid"] != "${datasource}":
                wrong.append(f"{title}: not the data source that was chosen")
            for window in re.findall(r"\brate\([^[]*\[([^\]]+)\]", expression):
                if window not in {"$__rate_interval", "5m"}:
                    wrong.append(f"{title}: a rate over {window}")
            for used in re.findall(r"\$(?!__)\{?(\w+)", expression):
                if used not in variables:
                    wrong.append(f"{title}: ${used} is no variable")
        if len({target["refId"] for target in panel["targets"]}) != len(panel["targets"]):
            wrong.append(f"{title}: two queries with one refId")
    titles = [panel["title"] for panel in panels(board)]
    wrong += [f"two panels are called {title}" for title in {title for title in titles if titles.count(title) > 1}]
    for one, other in combinations(board["panels"], 2):
        if overlap(one["gridPos"], other["gridPos"]):
            wrong.append(f"{one['title']} and {other['title']} overlap")
    return [f"{name}: {what}" for what in wrong]


def alerts() -> list[dict[str, Any]]:
    groups = [
        group
        for path in sorted((PROMETHEUS / "rules").glob("*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def cases() -> list[dict[str, Any]]:
    """The worlds in which alerts are tried."""
    files = sorted((PROMETHEUS / "tests").glob("*.yaml"))
    return [case for path in files for case in yaml.load(path.read_text(), Loader=yaml.BaseLoader)]


def links(alert: dict[str, Any], known: set[str]) -> list[str]:
    """Labels, texts and links of an alert, and the runbook behind them."""
    name, notes, wrong = alert["alert"], alert["annotations"], []
    if alert["labels"].get("severity") not in {"critical", "warning", "none"}:
        wrong.append("severity")
    if not all(notes.get(key) for key in ("summary", "description", "runbook_url", "dashboard_url")):
        wrong.append("summary, description, runbook_url and dashboard_url")
    if notes["dashboard_url"].rsplit("/", 1)[-1] not in known:
        wrong.append("its dashboard does not exist")
    runbook = PROMETHEUS / "runbooks" / notes["runbook_url"].rsplit("/", 1)[-1]
    if not runbook.exists():
        wrong.append(f"no runbook {runbook.name}")
    else:
        text = runbook.read_text()
        places = [text.find(heading) for heading in HEADINGS]
        if text.splitlines()[0] != f"# {name}" or -1 in places or places != sorted(places):
            wrong.append(f"{runbook.name} is to be called # {name} and to have {', '.join(HEADINGS)}")
    return [f"{name}: {what}" for what in wrong]


def receivers() -> list[str]:
    """Alertmanager's example: it is right, and alerts go where they should."""
    config = PROMETHEUS / "alertmanager.yaml"
    wrong = run("amtool", "check-config", config)
    for labels, receiver in [
        (["severity=critical", "service=payments"], "page"),
        (["severity=warning"], "ticket"),
        (["alertname=Watchdog", "severity=none"], "dead-man"),
        (["severity=none"], "nobody"),
    ]:
        wrong += run(
            "amtool", "config", "routes", "test", f"--config.file={config}", f"--verify.receivers={receiver}", *labels
        )
    return wrong


def check() -> list[str]:
    """Everything that is wrong."""
    boards = dashboards()
    rules = sorted((PROMETHEUS / "rules").glob("*.yaml"))
    wrong = run(sys.executable, ROOT / "deploy/grafana/generate.py", "--check") + run(
        sys.executable, PROMETHEUS / "generate.py", "--check"
    )
    wrong += run("promtool", "check", "rules", *rules) + run(sys.executable, PROMETHEUS / "unit_test.py") + receivers()
    for name, board in boards.items():
        wrong += lint(name, board)
    for alert in alerts():
        wrong += links(alert, set(boards))
    wrong += inhibition.check({alert["alert"]: alert["labels"]["severity"] for alert in alerts()})
    for case in cases():
        for world in ("fires", "quiet"):
            series = " ".join(case[world]) if isinstance(case[world], dict) else ""
            wrong += recording.strange(f"the test of {case['alert']}", series)
    named = {f"{alert['alert']}.md" for alert in alerts()} | {"README.md"}
    wrong += [
        f"runbook {path.name} belongs to no alert"
        for path in (PROMETHEUS / "runbooks").glob("*.md")
        if path.name not in named
    ]
    return wrong
