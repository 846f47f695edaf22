"""The judgements of the phases, on answers of a cluster that is not there."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, cast

import changes
import pytest
from installation import SERVICES
from kube import Failed, Kube


class Cluster:
    """Says of every service that it has these pods, and of a pod what became of it."""

    def __init__(self, images: list[str], ends: int = 137) -> None:
        self.images, self.ends, self.restarts = images, ends, 0

    def pods(self, component: str) -> list[dict[str, Any]]:
        return [
            {"metadata": {"name": component}, "spec": {"containers": [{"image": f"registry/{component}:{image}"}]}}
            for image in self.images
        ]

    def ready(self, _component: str) -> list[str]:
        return ["payments-1", "payments-2"]

    def apply(self, *_objects: dict[str, Any]) -> None:
        self.restarts += 1

    def json(self, *_arguments: str) -> Any:
        status = {"restartCount": self.restarts, "containerID": "containerd://abc"}
        if self.restarts:
            status["lastState"] = {"terminated": {"exitCode": self.ends, "reason": "Error"}}
        return {"spec": {"nodeName": "node-1"}, "status": {"containerStatuses": [status]}}

    def run(self, *_arguments: str, seconds: int = 0) -> str:
        return ""


def release(cluster: Cluster) -> changes.Release:
    return changes.Release(cast(Kube, cluster), {}, "1.0.0", "1.1.0")


def test_a_service_without_pods_runs_no_version() -> None:
    with pytest.raises(Failed, match=f"{SERVICES[0]} has no pods"):
        changes.expect_version(cast(Kube, Cluster([])), "1.0.0")


def test_every_pod_runs_the_version() -> None:
    changes.expect_version(cast(Kube, Cluster(["1.0.0", "1.0.0"])), "1.0.0")
    with pytest.raises(Failed, match=r"expected 1\.0\.0"):
        changes.expect_version(cast(Kube, Cluster(["1.0.0", "0.9.0"])), "1.0.0")


def test_a_program_that_was_told_to_stop_was_not_killed() -> None:
    assert "SIGKILL" in changes.kill(release(Cluster(["1.0.0"])))
    with pytest.raises(Failed, match="ended with 143"):
        changes.kill(release(Cluster(["1.0.0"], ends=143)))


def test_the_killer_kills_by_the_containers_name_alone() -> None:
    """On this machine: a process has one group or another, and the name of one that nobody has kills nobody."""
    pod = changes.killer("node-1", "containerd://no-such-container-5b1c")
    command = pod["spec"]["containers"][0]["command"]
    assert command[-1] == "no-such-container-5b1c"
    assert subprocess.run(command, check=False, env=os.environ).returncode in (0, 1)
    beside = subprocess.Popen(["sleep", "60"])
    try:
        group = f"/proc/{beside.pid}/cgroup"
        one = command[2].replace("/proc/[0-9]*/cgroup", group)
        name = Path(group).read_text().strip().rpartition(":")[2]
        subprocess.run(["bash", "-c", one, name], check=True)
        assert beside.wait(10) == -signal.SIGKILL
    finally:
        beside.kill()
