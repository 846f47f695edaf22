#!/usr/bin/env python3
"""Tries every alert with promtool: that it fires when it should, and that it is quiet when it should. Needs PyYAML
and promtool.

A case of tests/*.yaml names an alert, a moment, the labels that the alert then has, and two worlds as series in
promtool's notation (one value a minute): one in which it fires, one in which it is quiet. An alert without a case
fails, and so does a case without both worlds.
"""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import generate
import yaml

HERE = Path(__file__).resolve().parent
LABELS = 'job="lyceum",namespace="school"'


def alerts() -> dict[str, dict[str, Any]]:
    """Every alerting rule by its name."""
    groups = [group for text in generate.files().values() for group in yaml.safe_load(text)["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def series(world: dict[str, str]) -> list[dict[str, str]]:
    # For promtool, 0x5 is a hexadecimal number.
    spelt = {name: re.sub(r"(?<![\w+])0x", "0+0x", str(values)) for name, values in world.items()}
    return [{"series": name.replace("<l>", LABELS), "values": values} for name, values in spelt.items()]


def test(case: dict[str, Any], severity: str, fires: bool) -> dict[str, Any]:
    """One promtool test. ALERTS is what Prometheus itself writes of every alert; other alerts of that world do not
    matter."""
    labels = {
        "alertname": case["alert"],
        "alertstate": "firing",
        "severity": severity,
        "namespace": "school",
    } | case.get("labels", {})
    labels = {name: value for name, value in labels.items() if name not in case.get("without", [])}
    shown = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    selected = f'ALERTS{{alertname="{case["alert"]}", alertstate="firing"}}'
    # Of several that fire for the same reason, the one with these labels.
    if fires:
        selected = f"ALERTS{{{shown}}}"
    samples = [{"labels": f"ALERTS{{{shown}}}", "value": 1}] if fires else []
    return {
        "interval": case.get("every", "1m"),
        "input_series": series(case["fires" if fires else "quiet"]),
        "promql_expr_test": [{"expr": selected, "eval_time": case["at"], "exp_samples": samples}],
    }


def problems() -> list[str]:
    """What is wrong before anything is tried."""
    known, cases = alerts(), all_cases()
    wrong = [
        f"{name} has no case in deploy/prometheus/tests" for name in known.keys() - {case["alert"] for case in cases}
    ]
    for case in cases:
        if case["alert"] not in known:
            wrong.append(f"{case['alert']} is tested, but no alert")
        if "fires" not in case or not case.get("quiet"):
            wrong.append(f"{case['alert']}: a case needs a world in which it fires and one in which it is quiet")
    return wrong


def all_cases() -> list[dict[str, Any]]:
    # Everything is a text: for YAML, too, 0x5 would be a number.
    return [
        case
        for path in sorted((HERE / "tests").glob("*.yaml"))
        for case in yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    ]


def rule_files(alert: str) -> list[str]:
    """The file of an alert, and what records what it looks at."""
    backup = str(HERE / "rules/backup.yaml")
    return [str(path) for path in (HERE / "rules").glob("*.yaml") if f"alert: {alert}\n" in path.read_text()] + [backup]


def main() -> None:
    if wrong := problems():
        raise SystemExit("\n".join(wrong))
    known, failed, count = alerts(), [], 0
    stems = [path.stem for path in sorted((HERE / "alerts").glob("*.yaml"))]
    order = ["lyceum-backup-ages", "lyceum-slo-ratios", "lyceum-slo-budget", "lyceum-slo-alerts"] + [
        f"lyceum-{stem}" for stem in stems
    ]
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(all_cases()):
            severity = known[case["alert"]]["labels"]["severity"]
            worlds = [True] if case["quiet"] == "never" else [True, False]
            count += len(worlds)
            path = Path(folder) / f"{number}.yaml"
            document = {
                "rule_files": rule_files(case["alert"]),
                "evaluation_interval": case.get("every", "1m"),
                # Alerts look at what these recorded.
                "group_eval_order": order,
                "tests": [test(case, severity, fires) for fires in worlds],
            }
            path.write_text(yaml.safe_dump(document, sort_keys=False))
            done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True)
            if done.returncode != 0:
                failed.append(f"{case['alert']}: {case['case']}\n{done.stdout}{done.stderr}")
    if failed:
        raise SystemExit("\n".join(failed) + f"\n{len(failed)} of {count} tests failed")
    print(f"{len(known)} alerts, {count} tests: each fires when it should and is quiet when it should")


if __name__ == "__main__":
    main()
