#!/usr/bin/env python3
"""Makes Prometheus' rules: the service level from slo.yaml, alerts from alerts/*.yaml. Needs PyYAML.

    generate.py            writes rules/*.yaml and the chart's copies of them
    generate.py --check    says what is not as it would be written

An alert is written down once, as what it looks at; severity, runbook and dashboard become labels and links here. The
addresses are stand-ins that the chart replaces by those of the installation (values `monitoring.runbooksUrl`,
`monitoring.grafanaUrl`). So are the names in the alerts of presence.yaml, which the chart makes for what a release has;
rules/presence.yaml is the same for a school with everything in the namespace `lyceum`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
RULES = HERE / "rules"
CHART = HERE.parents[1] / "helm/lyceum/files"

RUNBOOKS = "https://runbooks.lyceum.example"
GRAFANA = "https://grafana.lyceum.example"
HEAD = "# Made by deploy/prometheus/generate.py: change slo.yaml or alerts/*.yaml and run it.\n"

SERVICES = "gateway|users|courses|payments|notifications|documents|analytics|egress-proxy"
# Who serves metrics of its own.
WATCHED = SERVICES.removesuffix("|egress-proxy").split("|")
# What else has to be scraped, as in the chart's value `monitoring.expected`; logs by the shipper, traces by their collectors.
EXPECTED = {
    "postgres": 'job="postgres"',
    "redis": 'job="redis"',
    "rabbitmq": 'job="rabbitmq"',
    "rabbitmq-queues": 'job="rabbitmq-detailed"',
    "kubernetes": 'job="kube-state-metrics"',
    "nodes": 'job="kubelet"',
    "logs": 'job=~"lyceum-logs|fluentd"',
    "traces": 'job="lyceum-sampler"',
}


def rule(alert: dict[str, Any]) -> dict[str, Any]:
    """An alerting rule of Prometheus, with the labels and links that all of them have."""
    expression = alert["expr"].strip().replace("<services>", SERVICES)
    made = {"alert": alert["alert"], "expr": expression}
    if "for" in alert:
        made["for"] = alert["for"]
    made["labels"] = {"severity": alert["severity"]} | alert.get("labels", {})
    made["annotations"] = {
        "summary": alert["summary"],
        "description": alert["description"],
        "runbook_url": f"{RUNBOOKS}/{alert['alert']}.md",
        "dashboard_url": f"{GRAFANA}/d/{alert['dashboard']}",
    }
    return made


def ratio(window: str) -> str:
    return f"slo:sli_error:ratio_rate{window}"


def level(slo: dict[str, Any]) -> list[dict[str, Any]]:
    """The service level: error ratios by window, what is left of the budget, and alerts when it burns. Named as
    sloth names them."""
    budget = round(1 - slo["objective"] / 100, 9)
    labels = {"slo": slo["name"], "sloth_service": slo["service"]}
    pairs = [pair for alert in slo["alerts"] for pair in alert["windows"]]
    windows = [*dict.fromkeys([pair["short"] for pair in pairs] + [pair["long"] for pair in pairs]), slo["window"]]
    ratios = [
        {
            "record": ratio(window),
            "expr": f"sum by (namespace) (rate({slo['errors']}[{window}]))\n/ (sum by (namespace) (rate({slo['total']}[{window}])) > 0)",
            "labels": labels,
        }
        for window in windows
    ]
    meta = [
        {"record": "slo:objective:ratio", "expr": f"vector({slo['objective'] / 100})", "labels": labels},
        {"record": "slo:error_budget:ratio", "expr": f"vector({budget})", "labels": labels},
        {
            "record": "slo:period_error_budget_remaining:ratio",
            "expr": f"1 - {ratio(slo['window'])} / {budget}",
            "labels": labels,
        },
        {"record": "slo:current_burn_rate:ratio", "expr": f"{ratio('5m')} / {budget}", "labels": labels},
    ]
    alerts = []
    for alert in slo["alerts"]:
        burns = "\nor\n".join(
            f"(\n  {ratio(pair['short'])} > {pair['burn']} * {budget}\n  and {ratio(pair['long'])} > {pair['burn']} * {budget}\n"
            f"  and on (namespace) sum by (namespace) (increase({slo['errors']}[{pair['long']}])) >= {pair['failures']}\n)"
            for pair in alert["windows"]
        )
        alerts.append(rule(alert | {"alert": alert["name"], "expr": burns, "dashboard": "lyceum-overview"}))
    return [
        {"name": "lyceum-slo-ratios", "rules": ratios},
        {"name": "lyceum-slo-budget", "rules": meta},
        {"name": "lyceum-slo-alerts", "rules": alerts},
    ]


class Text(yaml.SafeDumper):
    """Texts of several lines stay readable."""


def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Text.add_representer(str, text)


def presence() -> list[dict[str, Any]]:
    """The alerts about what is not there, with their stand-ins."""
    return list(yaml.safe_load((HERE / "alerts/presence.yaml").read_text()))


def school() -> list[dict[str, Any]]:
    """The same for a school that has everything."""
    everything = {
        "services": [{"service": service} for service in WATCHED],
        "expected": [{"name": name, "selector": selector} for name, selector in EXPECTED.items()],
    }
    return [
        rule(yaml.safe_load(named(json.dumps(alert), {"namespace": "lyceum"} | names)))
        for alert in presence()
        for names in everything[alert["each"]]
    ]


def named(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"<{name}>", json.dumps(value)[1:-1])
    return text


def files() -> dict[str, str]:
    """The rules, by the file's name."""
    groups = {"slo": level(yaml.safe_load((HERE / "slo.yaml").read_text()))}
    # What drills and hosts write themselves has this name already; CronJobs are known through kube-state-metrics.
    groups["backup"] = [
        {
            "name": "lyceum-backup-ages",
            "rules": [
                {
                    "record": "backup_last_success_timestamp_seconds",
                    "expr": "label_replace(\n"
                    '  max by (namespace, cronjob) (kube_cronjob_status_last_successful_time{cronjob=~".+-backup-.+"}),\n'
                    '  "backup", "$1", "cronjob", ".+-backup-(.+)"\n)',
                }
            ],
        }
    ]
    for path in sorted((HERE / "alerts").glob("*.yaml")):
        made = school() if path.stem == "presence" else [rule(alert) for alert in yaml.safe_load(path.read_text())]
        groups[path.stem] = [{"name": f"lyceum-{path.stem}", "rules": made}]
    return {f"{name}.yaml": dump({"groups": made}) for name, made in groups.items()}


def dump(document: Any) -> str:
    return HEAD + yaml.dump(document, Dumper=Text, sort_keys=False, width=160, allow_unicode=True)


def written() -> dict[Path, str]:
    """Everything that is written, by its path."""
    rules = files()
    ours = {RULES / name: text for name, text in rules.items()}
    # What a release has is known to the chart alone.
    chart = {CHART / "rules" / name: text for name, text in rules.items() if name != "presence.yaml"}
    each = {CHART / "presence" / f"{alert['each']}.yaml": dump([rule(alert)]) for alert in presence()}
    return ours | chart | each


def stale() -> list[Path]:
    """Files that are not as they would be written, and files that would not be written."""
    wanted = written()
    there = {path for folder in {path.parent for path in wanted} for path in folder.glob("*.yaml")}
    differing = {path for path, text in wanted.items() if not path.exists() or path.read_text() != text}
    return sorted(differing | (there - wanted.keys()))


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        if old := stale():
            raise SystemExit("run deploy/prometheus/generate.py: " + ", ".join(str(path) for path in old))
        return
    for path in stale():
        path.unlink(missing_ok=True)
    for path, content in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


if __name__ == "__main__":
    main()
