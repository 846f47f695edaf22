"""What Kubernetes, its operators and our collectors expose, as it was recorded (`recorded/`): served to Prometheus, and held against
what rules, dashboards and their tests name."""

import functools
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import excused

HERE = Path(__file__).resolve().parent / "recorded"
# Times of what is exposed, such as `kube_job_created`.
TIMES = re.compile(r"_(created|time|timestamp_seconds|last_seen|start_time_seconds)$")
SAMPLE = re.compile(r"(?m)^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"')
# Those that whoever scrapes adds.
ADDED = {"job", "instance", "namespace"}


def text(name: str) -> str:
    return (HERE / f"{name}.prom").read_text()


@functools.cache
def labels() -> dict[str, set[str]]:
    """The labels of each metric that was recorded."""
    found: dict[str, set[str]] = {}
    for sample in SAMPLE.finditer(text("kube-state-metrics") + text("kubelet") + text("collector")):
        found.setdefault(sample["name"], set()).update(LABEL.findall(sample["labels"] or ""))
    return found


def recorded(metric: str) -> bool:
    """Whether this is a metric of which there is a recording."""
    return metric.startswith(("kube_", "container_", "kubelet_", "otelcol_")) and metric not in excused.NEVER_COUNTED


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that is selected by labels, in a query or as a series of a test."""
    for metric, matchers in re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression):
        yield metric, set(LABEL.findall(matchers))


def strange(where: str, expression: str) -> list[str]:
    """Metrics that are not in the recording they should be in, and labels that they do not have there."""
    told = []
    for metric, asked in selectors(expression):
        if recorded(metric):
            known = labels().get(metric)
            if known is None:
                told.append(f"{where}: nobody exposes {metric}")
            elif asked - known - ADDED:
                told.append(f"{where}: {metric} has no label {', '.join(sorted(asked - known - ADDED))}")
    return told


def today(recording: str) -> str:
    """The recording with its times moved: what was an hour ago then is an hour ago now."""
    then = re.search(r"Times are seconds around (\d+)", recording)
    ago = time.time() - int(then[1]) if then else 0

    def moved(sample: re.Match[str]) -> str:
        if not TIMES.search(sample["name"]):
            return sample[0]
        return f"{sample[0].rpartition(' ')[0]} {float(sample['value']) + ago}"

    return SAMPLE.sub(moved, recording)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.strip("/")
        # Somebody who has nothing to say is there all the same.
        body = today(text(name)).encode() if (HERE / f"{name}.prom").is_file() else b""
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """It would be a line for each scrape."""


def serve() -> ThreadingHTTPServer:
    """Serves each recording at its name, until it is shut down."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
