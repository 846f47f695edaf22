"""Installs the chart on a real cluster, changes everything about it while people use it, and counts what they lost:
nothing.

`cargo fleet test cluster --kubeconfig FILE (--load COMMAND | --registry HOST)` starts the stores and the outside
world beside the cluster, and this. See README.md.

Usage: run.py [phase…]     (only some, on what an earlier run left; the environment is what `--hold` prints)
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import changes
import tools
from changes import Release
from doors import doors
from installation import NAMESPACE, ROOT, SERVICES, Beside, prepare, remove
from kube import Failed, Kube, eventually
from load import Load

# Requests a second: usual, and as many as make the gateway grow.
RATE = int(os.environ.get("LYCEUM_RATE", "40"))
FAST = int(os.environ.get("LYCEUM_FAST_RATE", "240"))
CANNOT_RUN = 77
IMAGES = ROOT / ".fleet/images"
# What stands in for images of others where nodes cannot pull them: the exit, and a shell for whoever tries the doors.
STAND_INS = ["egress", "postgres"]


@dataclass
class Row:
    """What the table says of a phase."""

    phase: str
    seconds: float
    note: str
    loaded: bool


class Suite:
    """The phases in their order, and what they share."""

    def __init__(self) -> None:
        found = tools.provide()
        self.kube = Kube(found, NAMESPACE)
        self.beside = Beside()
        self.launcher = os.environ["LYCEUM_LAUNCHER"]
        self.loading, self.registry = os.environ.get("LYCEUM_IMAGE_LOAD", ""), os.environ.get("LYCEUM_REGISTRY", "")
        fleet = json.loads(Path(os.environ["LYCEUM_FLEET"]).read_text())
        self.gateway, self.sandbox = fleet["gateway"], fleet["sandbox"]
        self.rows: list[Row] = []
        values = self.beside.values(self.registry)
        values["global"]["image"]["tag"] = version = workspace_version()
        # One payments to begin with, and a gateway that grows under little more than its usual load.
        values["payments"]["replicas"] = 1
        values["gateway"]["resources"] = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}}
        values["gateway"]["autoscaling"] = {
            "enabled": True,
            "minReplicas": 2,
            "maxReplicas": 4,
            "cpu": 80,
            # Nobody wants to wait five minutes for it here.
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": 15,
                    "policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}],
                }
            },
        }
        self.release = Release(self.kube, values, version, next_version(version))

    def phases(self) -> dict[str, tuple[Callable[[], str], bool]]:
        """By name: what is done, and whether people use the school meanwhile."""
        release = self.release
        return {
            "images": (self.images, False),
            "install": (self.install, False),
            "chart test": (lambda: changes.chart_test(release), False),
            "demo school": (lambda: changes.seed(self.launcher, self.gateway, self.kube.tools["kubectl"]), False),
            "demo journey": (lambda: changes.play(self.launcher, self.gateway, self.sandbox), False),
            "quiet": (quiet, True),
            "hpa": (lambda: changes.autoscale(release, FAST), True),
            "scale": (lambda: changes.scale(release), True),
            "roll": (lambda: changes.roll(release, "payments", "gateway"), True),
            "alone": (lambda: changes.alone(release), True),
            "kill": (lambda: changes.kill(release), True),
            "drain": (lambda: changes.drain(release), True),
            "upgrade": (lambda: changes.upgrade(release), True),
            "rollback": (lambda: changes.rollback(release), True),
            "doors": (lambda: doors(self.kube, self.beside), True),
            "uninstall": (lambda: self.uninstall(), False),
        }

    def run(self, wanted: list[str]) -> int:
        phases = self.phases()
        unknown = [name for name in wanted if name not in phases]
        if unknown:
            raise SystemExit(f"no phase is called {', '.join(unknown)}; there are {', '.join(phases)}")
        failed = ""
        for name in wanted or phases:
            print(f"  … {name}", flush=True)
            do, loaded = phases[name]
            try:
                self.phase(name, do, loaded)
            except (Failed, subprocess.SubprocessError, OSError) as error:
                failed = f"{name}: {error}"
                print(f"\n  {failed}\n\n{self.what_the_cluster_says()}", flush=True)
                break
        return self.conclude(failed)

    def phase(self, name: str, do: Callable[[], str], loaded: bool) -> None:
        if loaded:
            if self.release.load is None:
                self.release.load = Load(RATE)
            self.release.load.begin(name)
        elif self.release.load is not None:
            self.release.load.rest()
        began = time.monotonic()
        note = do()
        if loaded:
            eventually("that the last pods on their way out are gone", 90, self.settled)
        self.rows.append(Row(name, time.monotonic() - began, note, loaded))
        print(f"  ✓ {name}: {self.rows[-1].seconds:.1f} s, {note}", flush=True)

    def settled(self) -> bool:
        pods = self.kube.json("get", "pods")["items"]
        return not any("deletionTimestamp" in pod["metadata"] for pod in pods)

    def images(self) -> str:
        """Builds both versions and brings them to the nodes."""
        builds = [["images"], ["images", "--next"]]
        # They do not change with the tree, and take minutes.
        missing = [name for name in STAND_INS if not (IMAGES / f"{name}.tar").is_file()]
        if self.loading and missing:
            subprocess.run([ROOT / "deploy/docker/stand-ins/make", *missing], check=True)
        for build in builds:
            subprocess.run([self.launcher, *build], cwd=ROOT, check=True)
        if not self.loading:
            for version, folder in ((self.release.version, IMAGES), (self.release.next_version, IMAGES / "next")):
                subprocess.run([ROOT / ".ci/push", self.registry, version, folder], check=True)
            return "pushed"
        archives = [IMAGES / f"{name}.tar" for name in [*SERVICES, *STAND_INS]]
        archives += [IMAGES / "next" / f"{name}.tar" for name in SERVICES]
        for archive in archives:
            command = [word.replace("{}", str(archive)) for word in shlex.split(self.loading)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return f"{len(archives)} archives loaded"

    def install(self) -> str:
        prepare(self.kube, self.beside)
        return changes.install(self.release)

    def uninstall(self) -> str:
        note = changes.uninstall(self.release)
        remove(self.kube)
        return note

    def what_the_cluster_says(self) -> str:
        pods = self.kube.run("get", "pods,jobs", "--output=wide", check=False)
        events = self.kube.run(
            "get", "events", "--field-selector=type!=Normal", "--sort-by=.lastTimestamp", check=False
        )
        return pods + "\n" + "\n".join(events.splitlines()[-20:])

    def conclude(self, failed: str) -> int:
        """Prints the table; gives the exit status."""
        book: dict[str, Any] = {"phases": [], "failures": []}
        if self.release.load is not None:
            book = self.release.load.end()
        sums: dict[str, dict[str, int]] = {}
        for phase in book["phases"]:
            known = sums.setdefault(phase["phase"], {"requests": 0, "failed": 0, "p99": 0})
            known["requests"] += phase["requests"]
            known["failed"] += phase["failed"]
            known["p99"] = max(known["p99"], phase["p99"])
        print("\n| phase | time | requests | failed | p99 | what |\n|---|---|---|---|---|---|")
        for row in self.rows:
            one = sums.get(row.phase)
            load = f"{one['requests']} | {one['failed']} | {one['p99'] / 1000:.0f} ms" if one else "– | – | –"
            print(f"| {row.phase} | {row.seconds:.1f} s | {load} | {row.note} |")
        total, lost = (sum(one[key] for one in sums.values()) for key in ("requests", "failed"))
        print(f"\n{total} requests at {RATE} a second and more, {lost} failed.")
        for failure in book["failures"][:20]:
            print("  {phase} {at}: {method} {path} after {millis} ms: {answer}".format(**failure))
        if failed:
            print(f"\nIt stopped at {failed}")
        return 1 if failed or lost else 0


def quiet() -> str:
    """Nothing is changed: what the load is like by itself."""
    time.sleep(10)
    return "nothing is changed"


def workspace_version() -> str:
    lines = (ROOT / "Cargo.toml").read_text().splitlines()
    line = next(line for line in lines if line.startswith("version = "))
    return line.split('"')[1]


def next_version(version: str) -> str:
    """That of the fixture: the next minor one."""
    first, second, _ = version.split(".", 2)
    return f"{first}.{int(second) + 1}.0"


def main() -> int:
    try:
        suite = Suite()
    except tools.Missing as missing:
        print(missing)
        return CANNOT_RUN
    if not suite.loading and not suite.registry and "images" in (sys.argv[1:] or ["images"]):
        print("say how images reach the nodes: --load COMMAND or --registry HOST")
        return CANNOT_RUN
    with tempfile.TemporaryDirectory() as folder:
        suite.kube.folder = Path(folder)
        return suite.run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
