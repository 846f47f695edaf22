"""Calls of kubectl and Helm, and waiting for what they set off."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POLL = 0.2


class Failed(Exception):
    """The cluster did not do what was promised."""


class Kube:
    """A cluster through kubectl and Helm; everything happens in one namespace unless it is said otherwise."""

    def __init__(self, tools: dict[str, str], namespace: str) -> None:
        self.tools, self.namespace, self.folder = tools, namespace, Path()

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True, seconds: int = 120) -> str:
        """kubectl; gives its output, or with `check=False` what it said instead."""
        return self._call("kubectl", list(arguments), stdin, check, seconds)

    def helm(self, *arguments: str, seconds: int = 600) -> str:
        return self._call("helm", list(arguments), None, True, seconds)

    def _call(
        self, tool: str, arguments: list[str], stdin: str | None, check: bool, seconds: int, namespaced: bool = True
    ) -> str:
        command = [self.tools[tool], *(["--namespace", self.namespace] if namespaced else []), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode != 0:
            if check:
                raise Failed(f"{tool} {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()[-4000:]}")
            return done.stdout + done.stderr
        return done.stdout

    def helm_values(self, values: dict[str, Any]) -> str:
        """A file that holds these values."""
        path = self.folder / "values.json"
        path.write_text(json.dumps(values))
        return str(path)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--output=json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        # Each says its own namespace, which kubectl would hold against ours.
        command = ["apply", "--server-side", "--force-conflicts", "--filename=-"]
        self._call("kubectl", command, json.dumps(listed), check=True, seconds=120, namespaced=False)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of a component that are not on their way out."""
        selector = f"app.kubernetes.io/component={component}"
        items = self.json("get", "pods", f"--selector={selector}")["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def ready(self, component: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.pods(component) if is_ready(pod)]

    def scrape(self, pod: str) -> dict[str, float]:
        """A pod's metrics, through the API server."""
        text = self.run("get", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}:9090/proxy/metrics")
        lines = (line for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def eventually(what: str, seconds: float, probe: Callable[[], Any]) -> Any:
    """Asks until there is an answer."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(POLL)
