#!/usr/bin/env python3
"""Records what kube-state-metrics, a kubelet's cAdvisor, a kubelet's volumes and CloudNativePG expose, by their own
code: see README.md. Needs Go and its module proxy, and some minutes.

Kubernetes' API is this program: it lists the objects of `world.py` and never tells of a change.
"""

import contextlib
import json
import re
import subprocess
import tempfile
import textwrap
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import world
import yaml

HERE = Path(__file__).resolve().parent
KUBE_STATE_METRICS = "k8s.io/kube-state-metrics/v2@v2.15.0"
KUBERNETES = "k8s.io/kubernetes@v1.35.0"
CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.27.0"
COLLECTOR = HERE.parents[2] / "deploy/collector"
# What it has to have counted. Refused and lost lines take an Elasticsearch: the suite `logging` counts those.
FAILURES = [
    "otelcol_exporter_send_failed_spans_total",
    "otelcol_exporter_enqueue_failed_spans_total",
    "otelcol_exporter_enqueue_failed_log_records_total",
    "otelcol_receiver_refused_spans_total",
    "otelcol_exporter_queue_size",
    "otelcol_exporter_queue_capacity",
    "lyceum_log_bulk_failures_total",
]
RESOURCES = ["cronjobs", "deployments", "horizontalpodautoscalers", "jobs", "pods"]


class Api(BaseHTTPRequestHandler):
    """As much of Kubernetes' API as a watcher needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        resource = path.rsplit("/", 1)[-1]
        if path == "/version":
            self.answer({"major": "1", "minor": "35", "gitVersion": "v1.35.0"})
        elif "watch=" in query:
            # Nothing ever changes; a watcher waits until it gives up.
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("connection", "close")
            self.end_headers()
            time.sleep(300)
        elif resource in RESOURCES:
            items = world.objects(resource)
            kind = world.KINDS[resource]
            version = path.split("/apis/")[-1].rsplit("/", 1)[0] if "/apis/" in path else "v1"
            self.answer(
                {"kind": f"{kind}List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": items}
            )
        else:
            self.answer({"kind": "APIResourceList", "groupVersion": "v1", "resources": [], "versions": []})

    def answer(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """It would be a line for each request."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A watcher that goes away is no news."""


def kube_state_metrics() -> str:
    server = Server(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/kube-state-metrics"
        subprocess.run(["go", "build", "-o", program, "."], cwd=module(KUBE_STATE_METRICS), check=True)
        command = [
            program,
            f"--apiserver=http://127.0.0.1:{server.server_port}",
            f"--resources={','.join(RESOURCES)}",
            "--host=127.0.0.1",
            "--port=18080",
            "--telemetry-host=127.0.0.1",
            "--telemetry-port=18081",
        ]
        process = subprocess.Popen(command)
        try:
            for _ in range(300):
                time.sleep(0.2)
                try:
                    with urllib.request.urlopen("http://127.0.0.1:18080/metrics", timeout=5) as answer:
                        text = str(answer.read().decode())
                except OSError:
                    continue
                # All five resources are listed by and by.
                if all(f"\nkube_{one}_created{{" in text for one in ("cronjob", "deployment", "job", "pod")) and (
                    "\nkube_horizontalpodautoscaler_info{" in text
                ):
                    return without_what_is_empty(text)
        finally:
            process.terminate()
            process.wait(20)
    raise SystemExit("kube-state-metrics does not show all that it was told")


def without_what_is_empty(text: str) -> str:
    """Families of which there is a sample."""
    families = re.split(r"(?m)^(?=# HELP )", text)
    return "".join(family for family in families if re.search(r"(?m)^[a-z]", family))


def kubelet() -> str:
    """The containers by cAdvisor's own collector; the volumes as Kubernetes' test of its collector has them."""
    told = json.dumps(world.containers())
    command = ["go", "run", "."]
    done = subprocess.run(command, cwd=HERE / "cadvisor", input=told, check=True, capture_output=True, text=True)
    test = module(KUBERNETES) / "pkg/kubelet/metrics/collectors/volume_stats_test.go"
    volumes = sorted(set(re.findall(r"(?m)^\s*(kubelet_volume_stats_\w+\{.*\} .*)$", test.read_text())))
    made = [
        line.replace('"testns"', json.dumps(namespace)).replace('"testpvc"', json.dumps(claim))
        for namespace, claim in world.CLAIMS
        for line in volumes
    ]
    return done.stdout + "\n".join(made) + "\n"


def cloudnative_pg() -> str:
    """Names and labels as its standard queries define them, with two values each where a label is a database."""
    document = yaml.safe_load((module(CLOUDNATIVE_PG) / "config/manager/default-monitoring.yaml").read_text())
    queries = yaml.safe_load(document["data"]["queries"])
    lines = ['cnpg_collector_up{cluster="lyceum-postgresql"} 1']
    for key, query in queries.items():
        columns = {name: about["usage"] for column in query["metrics"] for name, about in column.items()}
        labels = [name for name, usage in columns.items() if usage == "LABEL"]
        values = {"datname": "users", "state": "active", "name": "max_connections"}
        shown = ",".join(f'{label}="{values.get(label, "x")}"' for label in labels)
        for name, usage in columns.items():
            if usage != "LABEL":
                value = 100 if key == "pg_settings" else 0 if name == "in_recovery" else 1
                lines.append(f"cnpg_{query.get('name', key)}_{name}{{{shown}}} {value}")
    return "\n".join(dict.fromkeys(lines)) + "\n"


def collector() -> str:
    """Everything that can go wrong with deploy/collector at once: nobody takes what it sends, and its queues are full."""
    receiver, metrics = 18318, 18888
    queue = {"queue_size": 1, "num_consumers": 1, "block_on_overflow": False}
    retry = {"initial_interval": "1s", "max_interval": "1s", "max_elapsed_time": "2s"}
    away = {"retry_on_failure": retry, "sending_queue": queue, "timeout": "1s"}
    bulk: dict[str, Any] = {
        "endpoint": "http://127.0.0.1:1",
        "user": "x",
        "password": "x",
        "refused_stream": "logs-x-x",
    }
    # It tries for ever, and that is what keeps its queue full.
    bulk |= {"sending_queue": queue, "retry_on_failure": {"max_elapsed_time": 0}}
    prometheus = {"host": "127.0.0.1", "port": metrics, "without_type_suffix": False}
    configuration = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{receiver}"}}}},
        "exporters": {
            "otlp_grpc": {"endpoint": "127.0.0.1:1", "tls": {"insecure": True}} | away,
            "elasticsearch_bulk": bulk,
        },
        "service": {
            "telemetry": {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": prometheus}}}]}},
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]},
                "logs": {"receivers": ["otlp"], "exporters": ["elasticsearch_bulk"]},
            },
        },
    }
    span = {
        "traceId": "0" * 31 + "1",
        "spanId": "0" * 15 + "1",
        "name": "x",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
    }
    told = {
        "traces": {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
        "logs": {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "{}"}}]}]}]},
    }
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/collector"
        subprocess.run(["go", "build", "-o", program, "."], cwd=COLLECTOR, check=True)
        (Path(folder) / "c.yaml").write_text(yaml.safe_dump(configuration))
        process = subprocess.Popen([program, f"--config={folder}/c.yaml"], stderr=subprocess.DEVNULL)
        try:
            for _ in range(300):
                time.sleep(0.2)
                for what, body in told.items():
                    with contextlib.suppress(OSError):
                        send(f"http://127.0.0.1:{receiver}/v1/{what}", body)
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer,
                ):
                    text = str(answer.read().decode())
                    if all(re.search(rf"(?m)^{name}\b.* [1-9]", text) for name in FAILURES):
                        return "".join(re.findall(r"(?m)^(?:# (?:HELP|TYPE) )?(?:otelcol|lyceum)_.*\n", text))
        finally:
            process.terminate()
            process.wait(20)
    raise SystemExit("the collector does not fail in every way")


def send(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=5).read()


def module(name: str) -> Path:
    """Where Go keeps a module's files."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "go.mod").write_text("module x\n")
        done = subprocess.run(
            ["go", "mod", "download", "-json", name], cwd=folder, check=True, capture_output=True, text=True
        )
    return Path(json.loads(done.stdout)["Dir"])


def main() -> None:
    for name, by, make in [
        ("kube-state-metrics", KUBE_STATE_METRICS, kube_state_metrics),
        ("kubelet", f"cAdvisor 0.53.0 as in {KUBERNETES}", kubelet),
        ("cloudnative-pg", CLOUDNATIVE_PG, cloudnative_pg),
        ("collector", "deploy/collector", collector),
    ]:
        head = textwrap.dedent(f"""\
            # Made by tests/observability/recorded/record.py, with the code of {by}. Times are seconds around {world.NOW}.
            """)
        (HERE / f"{name}.prom").write_text(head + make())
        print(f"{name}.prom")


if __name__ == "__main__":
    main()
