"""What Alertmanager's example holds back, asked of a real Alertmanager: what follows from another alert of the same
place, and nothing of another place."""

import contextlib
import json
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from monitoring import ROOT, free_port, until

CONFIG = ROOT / "deploy/prometheus/alertmanager.yaml"
Labels = dict[str, str]


def alert(name: str, **labels: str) -> Labels:
    return {"alertname": name, "namespace": "school"} | labels


# Something fires; beside it something else does: is that held back?
CASES = [
    ("RabbitmqDown", alert("RabbitmqDown"), alert("OutboxDelayed", service="courses"), True),
    ("RabbitmqDown of another school", alert("RabbitmqDown", namespace="staging"), alert("OutboxDelayed"), False),
    ("RabbitmqDown", alert("RabbitmqDown"), alert("TargetDown", job="rabbitmq-detailed"), True),
    ("RabbitmqDown", alert("RabbitmqDown"), alert("TargetDown", job="redis"), False),
    ("PostgresDown of one server", alert("PostgresDown", server="a"), alert("RpcErrors", service="users"), False),
    (
        "PostgresDown of one server",
        alert("PostgresDown", server="a"),
        alert("TargetDown", job="postgres", server="a"),
        True,
    ),
    (
        "PostgresDown of one server",
        alert("PostgresDown", server="a"),
        alert("TargetDown", job="postgres", server="b"),
        False,
    ),
    ("ServiceDown", alert("ServiceDown", service="users"), alert("TargetDown", job="lyceum", service="users"), True),
    ("ServiceDown", alert("ServiceDown", service="users"), alert("TargetDown", job="lyceum", service="courses"), False),
    ("ServiceDown", alert("ServiceDown", service="users"), alert("DeploymentUnavailable", service="users"), True),
    (
        "ServiceDown",
        alert("ServiceDown", service="users", neighbour="users"),
        alert("DiscoveryEmpty", service="gateway", neighbour="users"),
        True,
    ),
    (
        "ServiceMissing",
        alert("ServiceMissing", service="users", neighbour="users"),
        alert("DiscoveryEmpty", service="gateway", neighbour="courses"),
        False,
    ),
    (
        "GatewayErrorBudgetBurnsFast",
        alert("GatewayErrorBudgetBurnsFast"),
        alert("GatewayErrorBudgetBurnsSlowly"),
        True,
    ),
    ("CertificateExpiresNow", alert("CertificateExpiresNow", service="a"), alert("CertificateExpiresSoon"), False),
]


@contextlib.contextmanager
def running() -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "prometheus-alertmanager",
            f"--config.file={CONFIG}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=error",
        ]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        url = f"http://127.0.0.1:{port}/api/v2"
        try:
            until("Alertmanager starts", lambda: urllib.request.urlopen(f"{url}/status", timeout=5).read())
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


def ask(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/alerts", data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")


def named() -> set[str]:
    """Every alert that the rules name."""
    rules = yaml.safe_load(CONFIG.read_text())["inhibit_rules"]
    matchers = [one for rule in rules for one in [*rule["source_matchers"], *rule["target_matchers"]]]
    values = [one.partition("=")[2].strip('~ "') for one in matchers if one.startswith("alertname")]
    return {name for value in values for name in value.split("|")}


def check(known: dict[str, str]) -> list[str]:
    """`known` are the severities of all alerts: a rule about a name that no alert has is a typing mistake."""
    wrong = [f"alertmanager.yaml: no alert is called {name}" for name in sorted(named() - known.keys())]
    # Alertmanager takes them one after the other: once this pair has had its effect, so have all before.
    last = [alert("CertificateExpiresNow", namespace="last"), alert("CertificateExpiresSoon", namespace="last")]
    with running() as url:
        for number, (_, source, target, _) in enumerate(CASES):
            # A case is a world of its own: the others' alerts are in other namespaces.
            ask(url, [{"labels": told(labels, number, known)} for labels in (source, target)])
        ask(url, [{"labels": labels} for labels in last])
        until("Alertmanager holds back what it should", lambda: states(url).get(frozenset(last[1].items())))
        found = states(url)
    for number, (what, _, target, held) in enumerate(CASES):
        if found[frozenset(told(target, number, known).items())] != held:
            wrong.append(f"alertmanager.yaml: {what} {'does not hold' if held else 'holds'} back {target}")
    return wrong


def told(labels: Labels, number: int, known: dict[str, str]) -> Labels:
    return labels | {"namespace": f"{labels['namespace']}-{number}", "severity": known[labels["alertname"]]}


def states(url: str) -> dict[frozenset[tuple[str, str]], bool]:
    """By the labels of each alert: whether it is held back."""
    return {frozenset(one["labels"].items()): one["status"]["state"] == "suppressed" for one in ask(url)}
