"""The collector's configuration: how its parts fit, and, where a collector is at hand, which traces it keeps.

`LYCEUM_COLLECTOR` names the program: an `otelcol-contrib`, or what `go build -mod=mod` makes of the folder
`collector` beside this file.
"""

import json
import os
import secrets
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import elastic
import yaml
from configuration import ROOT

HERE = ROOT / "deploy/tracing"
QUICK = 400
PATIENCE = 60


def objects() -> list[dict[str, Any]]:
    listed = yaml.safe_load((HERE / "kustomization.yaml").read_text())["resources"]
    return [one for name in listed for one in yaml.safe_load_all((HERE / name).read_text())]


def files() -> list[str]:
    """Every part that a pipeline names is configured and the other way round; the layers and their manifests meet."""
    wrong, layers = [], {name: yaml.safe_load((HERE / f"{name}.yaml").read_text()) for name in ("balancer", "sampler")}
    for name, layer in layers.items():
        pipeline = layer["service"]["pipelines"]["traces"]
        for kind in ("receivers", "processors", "exporters"):
            if set(pipeline[kind]) != set(layer[kind]):
                wrong.append(
                    f"{name}.yaml: {kind} {sorted(set(pipeline[kind]) ^ set(layer[kind]))} are not both configured and used"
                )
        if pipeline["processors"][0] != "memory_limiter":
            wrong.append(f"{name}.yaml: memory_limiter comes first")
    sampling = {policy["type"]: policy for policy in layers["sampler"]["processors"]["tail_sampling"]["policies"]}
    if set(sampling) != {"status_code", "latency", "probabilistic"} or sampling["status_code"]["status_code"][
        "status_codes"
    ] != ["ERROR"]:
        wrong.append("sampler.yaml: errors, slow requests and some of the rest are kept")
    if layers["sampler"]["service"]["pipelines"]["traces"]["processors"] != [
        "memory_limiter",
        "tail_sampling",
        "batch",
    ]:
        wrong.append("sampler.yaml: memory_limiter, tail_sampling, batch")
    balance = layers["balancer"]["exporters"]["load_balancing"]
    services = {one["metadata"]["name"]: one["spec"] for one in objects() if one["kind"] == "Service"}
    samplers = services.get(balance["resolver"]["dns"]["hostname"].split(".")[0], {})
    if balance["routing_key"] != "traceID" or samplers.get("clusterIP") != "None":
        wrong.append("balancer.yaml: all spans of a trace go to one address of the samplers' headless Service")
    for one in objects():
        if one["kind"] != "Deployment":
            continue
        container, name = (
            one["spec"]["template"]["spec"]["containers"][0],
            one["metadata"]["name"].removeprefix("lyceum-"),
        )
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        layer = layers[name]
        said = {
            "otlp": layer["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"],
            "health": layer["extensions"]["health_check"]["endpoint"],
            "metrics": f":{layer['service']['telemetry']['metrics']['readers'][0]['pull']['exporter']['prometheus']['port']}",
        }
        wrong += [
            f"{name}: port {port} is not {address}"
            for port, address in said.items()
            if not address.endswith(f":{ports[port]}")
        ]
        wait = layer["processors"].get("tail_sampling", {}).get("decision_wait", "0s")
        if one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] < 2 * int(wait.rstrip("s")):
            wrong.append(f"{name} has no time to decide when it stops")
        if (
            container["securityContext"]["capabilities"] != {"drop": ["ALL"]}
            or not container["securityContext"]["readOnlyRootFilesystem"]
        ):
            wrong.append(f"{name} may do more than it must")
    return wrong


def trace(milliseconds: int, error: bool = False, spans: int = 3) -> tuple[str, dict[str, Any]]:
    """A trace as a service would send it: a root of this length, with the error in its last span."""
    key, end = secrets.token_hex(16), time.time_ns()
    made: list[dict[str, Any]] = []
    for number in range(spans):
        span = {
            "traceId": key,
            "spanId": secrets.token_hex(8),
            "name": f"rpc {number}",
            "kind": 2,
            "startTimeUnixNano": str(end - milliseconds * 1_000_000 // (number + 1)),
            "endTimeUnixNano": str(end),
        }
        made.append(span | ({"parentSpanId": made[0]["spanId"]} if made else {}))
    if error:
        made[-1]["status"] = {"code": 2}
    return key, {
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "users"}}]},
        "scopeSpans": [{"spans": made}],
    }


def send(port: int, resources: list[dict[str, Any]]) -> None:
    body = json.dumps({"resourceSpans": resources}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).read()


def sampled(collector: str) -> list[str]:
    """The sampler as it is shipped, with ports of this machine, a shorter wait, and a file for a way out."""
    grpc, http, health, metrics = elastic.ports(4)
    with tempfile.TemporaryDirectory() as name:
        kept = Path(name) / "kept"
        pipeline = {"exporters": ["file"]}
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics}}}}
        here = {
            "extensions": {"health_check": {"endpoint": f"127.0.0.1:{health}"}},
            # JSON over HTTP beside gRPC, so that nothing more than Python is needed.
            "receivers": {
                "otlp": {
                    "protocols": {"grpc": {"endpoint": f"127.0.0.1:{grpc}"}, "http": {"endpoint": f"127.0.0.1:{http}"}}
                }
            },
            "processors": {"tail_sampling": {"decision_wait": "2s"}},
            "exporters": {"file": {"path": str(kept), "flush_interval": "200ms"}},
            "service": {"telemetry": {"metrics": {"readers": [reader]}}, "pipelines": {"traces": pipeline}},
        }
        (Path(name) / "here.yaml").write_text(yaml.safe_dump(here))
        log = (Path(name) / "log").open("w")
        command = [collector, f"--config={HERE}/sampler.yaml", f"--config={name}/here.yaml"]
        told = os.environ | {"TRACES_ENDPOINT": "127.0.0.1:1", "TRACES_CA_FILE": ""}
        process = subprocess.Popen(command, env=told, stdout=log, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + PATIENCE
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{health}/", timeout=5).read()
                    break
                except (OSError, urllib.error.URLError):
                    if process.poll() is not None or time.monotonic() > end:
                        return [f"the collector does not start:\n{(Path(name) / 'log').read_text()[-2000:]}"]
                    time.sleep(0.1)
            failed, slow = trace(20, error=True), trace(700)
            quick = [trace(20) for _ in range(QUICK)]
            for key in (failed, slow):
                # Spans of one trace come from several services at different times.
                spans = key[1]["scopeSpans"][0]["spans"]
                send(http, [key[1] | {"scopeSpans": [{"spans": spans[1:]}]}])
                send(http, [key[1] | {"scopeSpans": [{"spans": spans[:1]}]}])
            send(http, [resource for _, resource in quick])
        finally:
            # Told to stop, it decides what still waits.
            process.terminate()
            process.wait(timeout=60)
        text = kept.read_text() if kept.exists() else ""
        share = sum(key in text for key, _ in quick) / QUICK
        wrong = [
            f"{what} was not kept whole"
            for what, (key, _) in {"a trace with an error": failed, "a slow trace": slow}.items()
            if text.count(key) != 3
        ]
        if not 0 < share < 0.1:
            wrong.append(f"of quick traces {share:.1%} were kept, not about 2 %")
        print(f"  the collector kept an error, a slow trace and {share:.1%} of {QUICK} quick ones", flush=True)
        return wrong


def check() -> list[str]:
    collector = os.environ.get("LYCEUM_COLLECTOR")
    if collector is None:
        print("  traces: files only, LYCEUM_COLLECTOR names no collector", flush=True)
        return files()
    return files() + sampled(collector)
