#!/usr/bin/env python3
"""Every log line of every service through the collector into a real Elasticsearch whose mapping is strict; lines that
must be refused, and what becomes of them; what may happen to a node; Fluentd's configuration; and which traces are
kept."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import collector
import configuration
import elastic
import fluentd
import lines
import manifests
import offline
import shipping
import traces

ROOT = configuration.ROOT
BEGUN = time.monotonic()


def told(what: str) -> None:
    print(f"  {what}, {time.monotonic() - BEGUN:.0f} s", flush=True)


def traffic(doors: dict[str, str]) -> None:
    """Plays the journey, and has the gateway refuse something."""
    gateway, sandbox = doors["gateway"].rstrip("/"), doors["sandbox"].rstrip("/")
    demo = ["cargo", "run", "--quiet", "--package", "fleet", "--", "demo", "--gateway", gateway, "--sandbox", sandbox]
    subprocess.run(
        demo, cwd=ROOT, env=os.environ | {"CARGO_TERM_COLOR": "never"}, check=True, stdout=subprocess.DEVNULL
    )
    for path in ["/v1/me", "/nowhere"]:
        try:
            urllib.request.urlopen(gateway + path, timeout=10).read()
        except urllib.error.HTTPError as refused:
            if refused.code >= 500:
                raise SystemExit(f"{path}: {refused.code}") from None


def install(server: elastic.Elastic) -> None:
    """The installer, on a copy of its files without what this build of Elasticsearch lacks: the lifecycle."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "logging"
        shutil.copytree(offline.HERE, copy)
        for path in (copy / "elasticsearch").glob("template-*.json"):
            template = json.loads(path.read_text())
            del template["template"]["settings"]["index"]["lifecycle"]
            path.write_text(json.dumps(template))
        # Twice, because it may be run as often as one likes.
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, copy / "install.py", "--only", "templates"],
                env=os.environ | {"ELASTICSEARCH_URL": server.url},
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                raise SystemExit(f"install.py: {done.stdout}{done.stderr}")


def searches(server: elastic.Elastic) -> list[str]:
    """Every saved search is a question that Elasticsearch understands; two find what was put there."""
    wrong: list[str] = []
    found: dict[str, Any] = {}
    for pattern, query in offline.kibana()[1]:
        question = {"query_string": {"query": query, "default_operator": "AND"}}
        found[query] = found.get(query, 0) + sum(len(server.search(stream, question)) for stream in pattern.split(","))
    for query in ("log.level: error", "error.stack_trace: *", "error.message: *", "trace.id: *"):
        if not found.get(query):
            wrong.append(f"a saved search finds nothing: {query}")
    told(f"{len(found)} saved searches were asked")
    return wrong


def ship(server: elastic.Elastic, folder: Path, logs: Path, tree: configuration.Section) -> list[str]:
    shipper = shipping.Shipper(folder / "node", server)
    try:
        wrong = shipping.real(shipper, offline.SERVICES, logs)
        wrong += shipping.odd(shipper) + shipping.restarts(shipper)
        (folder / "exposition").write_text(shipper.collector.exposition())
    finally:
        shipper.close()
    wrong += shipping.pressure(folder / "pressure", server)
    return wrong + fluentd.check(tree, shipper) + searches(server)


def main() -> None:
    lines.environment()
    tree = configuration.read()
    wrong = offline.check(tree) + traces.files() + manifests.check()
    told(f"files: {len(wrong)} problems")
    collector.provide()
    told("the collector is there")
    fleet = Path(os.environ["LYCEUM_FLEET"])
    traffic(json.loads(fleet.read_text()))
    told("the journey is over")
    with tempfile.TemporaryDirectory(prefix="lyceum-logging-") as name:
        folder = Path(name)
        wrong += traces.sampled(folder / "traces")
        told("traces")
        with elastic.running() as server:
            told(f"Elasticsearch {elastic.VERSION} runs")
            install(server)
            wrong += ship(server, folder, fleet.parent / "logs", tree)
            told("logs")
    if wrong:
        raise SystemExit("\n".join(wrong) + f"\nlogging: {len(wrong)} problems")


main()
