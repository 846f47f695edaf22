"""A Prometheus beside the running fleet, with the exporters of its stores, for as long as the suite runs."""

import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import recording
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules"
TRANSLATION = ROOT / "helm/lyceum/files/cloudnative-pg-relabelings.yaml"
# What is recorded, and what is only expected to be there.
RECORDED = ["kube-state-metrics", "kubelet", "cloudnative-pg", "collector", "lyceum-logs", "lyceum-sampler"]
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(what: str, ask: Callable[[], Any]) -> Any:
    """What `ask` says as soon as it says something true."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if answer := ask():
                return answer
            why = "it does not come"
        except (OSError, urllib.error.URLError) as error:
            why = str(error)
        if time.monotonic() > end:
            raise SystemExit(f"{what}: {why}")
        time.sleep(0.2)


class Fleet:
    """Where the running fleet and its stores are, as the launcher wrote it down."""

    def __init__(self) -> None:
        home = Path(os.environ["LYCEUM_FLEET"]).parent
        self.doors, self.stores, state = (
            json.loads((home / name).read_text()) for name in ("fleet.json", "stores.json", "state.json")
        )
        ports = state["ports"]
        self.services = {name.removesuffix(".admin"): port for name, port in ports.items() if name.endswith(".admin")}
        self.rabbitmq = ports["rabbitmq.metrics"]


class Prometheus:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            if refused.code >= 500:  # It is still starting.
                raise
            raise ValueError(json.load(refused)["error"]) from None

    def query(self, expression: str) -> list[Any]:
        """The series that an expression gives now; a ValueError tells what is wrong with it."""
        result = self.ask("query", query=expression)
        return result["result"] if result["resultType"] != "scalar" else [result["result"]]


def translation() -> list[dict[str, Any]]:
    """The chart's relabelings, in Prometheus' own spelling."""
    return [
        {re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name): value for name, value in rule.items()}
        for rule in yaml.safe_load(TRANSLATION.read_text())
    ]


def configuration(fleet: Fleet, postgres: int, redis: int, recorded: int) -> dict[str, Any]:
    """Labels as the chart's ServiceMonitors give them: deploy/prometheus/README.md."""

    def job(name: str, targets: list[Any], **more: Any) -> dict[str, Any]:
        return {"job_name": name, "static_configs": targets} | more

    services = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"service": name, "namespace": "lyceum", "instance": f"{name}-0"}}
        for name, port in fleet.services.items()
    ]
    broker = [{"targets": [f"127.0.0.1:{fleet.rabbitmq}"]}]
    families = {"family": ["queue_coarse_metrics", "queue_consumer_count"]}
    detailed = job("rabbitmq-detailed", broker, metrics_path="/metrics/detailed", params=families)
    told: list[dict[str, Any]] = [
        job(name, [{"targets": [f"127.0.0.1:{recorded}"]}], metrics_path=f"/{name}", honor_labels=True)
        for name in RECORDED
    ]
    next(one for one in told if one["job_name"] == "cloudnative-pg")["metric_relabel_configs"] = translation()
    return {
        "global": {"scrape_interval": "2s", "evaluation_interval": "3s"},
        "rule_files": [str(path) for path in sorted(RULES.glob("*.yaml"))],
        "scrape_configs": [
            job("lyceum", services),
            job("rabbitmq", broker),
            detailed,
            job("postgres", [{"targets": [f"127.0.0.1:{postgres}"], "labels": {"instance": "postgres"}}]),
            job("redis", [{"targets": [f"127.0.0.1:{redis}"], "labels": {"instance": "redis"}}]),
            *told,
        ],
    }


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[Fleet, Prometheus]]:
    """The fleet, and a Prometheus that has seen all of it. Everything that was started is ended."""
    fleet = Fleet()
    own, postgres, redis = free_port(), free_port(), free_port()
    recorded = recording.serve()
    told = configuration(fleet, postgres, redis, recorded.server_port)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(told))
    address, server = urllib.parse.urlsplit(fleet.stores["redis"]), urllib.parse.urlsplit(fleet.stores["postgres"])
    # As keywords: Debian's exporter cannot read every address.
    source = f"host={server.hostname} port={server.port} user={server.username} password={server.password} dbname=postgres sslmode=disable"
    programs = [
        (["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{postgres}"], {"DATA_SOURCE_NAME": source}),
        (
            [
                "prometheus-redis-exporter",
                "-web.listen-address",
                f"127.0.0.1:{redis}",
                "-redis.addr",
                f"redis://{address.hostname}:{address.port}",
            ],
            {"REDIS_PASSWORD": address.password or ""},
        ),
        (
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{own}",
                "--log.level=warn",
            ],
            {},
        ),
    ]
    processes = []
    try:
        for command, variables in programs:
            log = (folder / f"{command[0]}.log").open("w")
            processes.append(
                subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=subprocess.STDOUT)
            )
        prometheus = Prometheus(own)
        wanted = len(fleet.services) + 4 + len(RECORDED)
        until(f"Prometheus sees all {wanted} targets", lambda: len(prometheus.query("up == 1")) == wanted)
        until(
            "the exporters reach their stores",
            lambda: len(prometheus.query('pg_up{job="postgres"} == 1 or redis_up == 1')) == 2,
        )
        yield fleet, prometheus
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)
        recorded.shutdown()
