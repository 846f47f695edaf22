"""Both layers of the collectors of traces: how their parts fit, and which traces they keep."""

import collections
import json
import re
import secrets
import time
import urllib.request
from pathlib import Path
from typing import Any

import elastic
import yaml
from collector import Collector, eventually, running
from configuration import ROOT

HERE = ROOT / "deploy/tracing"
LOUD, QUICK = 50, 1000


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


def listen(port: int) -> dict[str, Any]:
    return {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}}


def sampled(folder: Path) -> list[str]:
    """Balancer, two samplers and a store, all of them as they are shipped but for ports, a shorter wait, and the way
    to the store, which is in the clear."""
    folder.mkdir()
    web, front, first, second, back = elastic.ports(5)
    store_of = {
        "receivers": listen(back),
        "exporters": {"debug": {"verbosity": "detailed", "sampling_initial": 100_000}},
        "service": {
            "extensions": ["health_check"],
            "telemetry": yaml.safe_load((HERE / "sampler.yaml").read_text())["service"]["telemetry"],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}},
        },
    }
    (folder / "store.yaml").write_text(yaml.safe_dump(store_of))
    store = Collector(folder / "store", folder / "store.yaml", {}, {})
    told = {"TRACES_ENDPOINT": f"127.0.0.1:{back}", "TRACES_CA_FILE": ""}
    samplers = [
        Collector(
            folder / f"sampler-{port}",
            HERE / "sampler.yaml",
            {
                "receivers": listen(port),
                "processors": {"tail_sampling": {"decision_wait": "2s"}},
                "exporters": {"otlp_grpc": {"tls": {"insecure": True}}},
            },
            told,
        )
        for port in (first, second)
    ]
    # JSON over HTTP beside gRPC, so that nothing more than Python is needed; and addresses, as names would give them.
    receivers = listen(front)
    receivers["otlp"]["protocols"]["http"] = {"endpoint": f"127.0.0.1:{web}"}
    resolver = {"dns": None, "static": {"hostnames": [f"127.0.0.1:{first}", f"127.0.0.1:{second}"]}}
    balancer = Collector(
        folder / "balancer",
        HERE / "balancer.yaml",
        {"receivers": receivers, "exporters": {"load_balancing": {"resolver": resolver}}},
        {},
    )
    failed, slow = [trace(20, error=True) for _ in range(LOUD)], [trace(700) for _ in range(LOUD)]
    quick = [trace(20) for _ in range(QUICK)]
    with running(store, *samplers, balancer):
        # Spans of one trace come from several services at different times, and end last where they began first.
        whole = [*failed, *slow, *quick]
        for part in (slice(1, None), slice(0, 1)):
            pieces = [one | {"scopeSpans": [{"spans": one["scopeSpans"][0]["spans"][part]}]} for _, one in whole]
            send(web, pieces)
        received = 3 * len(whole)
        name = "otelcol_receiver_accepted_spans_total"
        eventually("the samplers have every span", lambda: sum(one.metric(name) for one in samplers) == received)
        idle = [one for one in samplers if not one.metric(name)]
        # Told to stop, they decide what still waits.
        for one in samplers:
            one.stop()
        store.stop()
    kept = collections.Counter(re.findall(r"^ +Trace ID +: (\w+)$", store.log.read_text(), re.M))
    wrong = [f"{len(idle)} of {len(samplers)} samplers had nothing to do"] if idle else []
    for what, traces in {"with an error": failed, "that were slow": slow}.items():
        if lost := [key for key, _ in traces if kept[key] != 3]:
            wrong.append(f"{len(lost)} of {len(traces)} traces {what} were not kept whole")
    some = [key for key, _ in quick if kept[key]]
    if not 0 < len(some) < QUICK * 0.06:
        wrong.append(f"of quick traces {len(some) / QUICK:.1%} were kept, not about 2 %")
    if torn := [key for key in some if kept[key] != 3]:
        wrong.append(f"{len(torn)} of {len(some)} quick traces that were kept are not whole")
    share = len(some) / QUICK
    if not wrong:
        print(f"    kept: {LOUD} traces with an error, {LOUD} slow ones and {share:.1%} of {QUICK} others", flush=True)
    return wrong
