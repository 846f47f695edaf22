"""The collector of deploy/collector: built once, and run as the manifests run it, with places and ports of this
machine."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import elastic
import yaml
from configuration import ROOT

SOURCES = ROOT / "deploy/collector"
PATIENCE = 60
T = TypeVar("T")


def go() -> str:
    """The one of the suites' environment, or the machine's."""
    beside = Path(sys.executable).with_name("go")
    return str(beside) if beside.exists() else shutil.which("go") or elastic.cannot("Go is missing")


def provide() -> Path:
    """The program, which is kept between runs for as long as its sources are the same."""
    sources = sorted(path for path in SOURCES.rglob("*") if path.suffix == ".go" or path.name in ("go.mod", "go.sum"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = Path(os.environ["LYCEUM_TOOLS"]) / "collector"
    place = folder / digest
    if place.exists():
        return place
    print("    building the collector: some minutes, once for this clone", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        built = Path(name) / "collector"
        command = [go(), "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(built), "."]
        done = subprocess.run(
            command, cwd=SOURCES, env=os.environ | {"CGO_ENABLED": "0"}, capture_output=True, text=True
        )
        if done.returncode != 0:
            # What cannot be fetched is this machine's, what cannot be compiled is ours.
            if "proxy" in done.stderr or "dial tcp" in done.stderr:
                elastic.cannot(f"the collector's modules cannot be had:\n{done.stderr[-2000:]}")
            raise SystemExit(f"the collector does not compile:\n{done.stderr[-3000:]}")
        for old in folder.iterdir():
            if old.is_file():
                old.unlink()
        built.rename(place)
    return place


def eventually(what: str, look: Callable[[], T]) -> T:
    """Waits until something is there."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise SystemExit(f"never: {what}; at last {found!r}")
        time.sleep(0.05)
    return found


class Collector:
    """A process, which may be stopped, killed and started again."""

    def __init__(
        self, folder: Path, configuration: Path, overlay: dict[str, Any], told: dict[str, str], *arguments: str
    ) -> None:
        health, self.metrics_port = elastic.ports(2)
        self.health, self.log = f"http://127.0.0.1:{health}/", folder / "log"
        shipped: dict[str, Any] = yaml.safe_load(configuration.read_text())
        [reader] = shipped["service"]["telemetry"]["metrics"]["readers"]
        reader["pull"]["exporter"]["prometheus"] |= {"host": "127.0.0.1", "port": self.metrics_port}
        overlay.setdefault("extensions", {})["health_check"] = {"endpoint": f"127.0.0.1:{health}"}
        # A list is replaced as a whole.
        overlay.setdefault("service", {})["telemetry"] = {"metrics": {"readers": [reader]}}
        folder.mkdir(parents=True, exist_ok=True)
        here = folder / "here.yaml"
        here.write_text(yaml.safe_dump(overlay))
        self.command = [str(provide()), f"--config={configuration}", f"--config={here}", *arguments]
        self.told = os.environ | told
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.told, stdout=log, stderr=subprocess.STDOUT)
        eventually("the collector is ready", self.ready)

    def ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise SystemExit(f"the collector does not start:\n{self.log.read_text()[-3000:]}")
        try:
            urllib.request.urlopen(self.health, timeout=5).read()
        except (OSError, urllib.error.URLError):
            return False
        return True

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(by)
            try:
                self.process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise SystemExit(f"the collector does not stop:\n{self.log.read_text()[-3000:]}") from None

    def exposition(self) -> str:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).read()
        return str(answer.decode())

    def metric(self, name: str) -> float:
        """The sum of all series of this name."""
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", self.exposition(), re.M)
        return sum(map(float, found))


@contextlib.contextmanager
def running(*collectors: Collector) -> Iterator[None]:
    """Starts them in this order and stops them in the other one."""
    try:
        for one in collectors:
            one.start()
        yield
    except BaseException:
        for one in collectors:
            print(f"    {one.log.parent.name} says at last:\n{one.log.read_text()[-2000:]}", flush=True)
        raise
    finally:
        for one in reversed(collectors):
            one.stop()
