"""What operators do to an installation while people use it: each change is one phase, and none may lose a request."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

from doors import IMAGE
from installation import CHART, NAMESPACE, NODE, RELEASE, SERVICES, namespace
from kube import Failed, Kube, eventually
from load import Load

# How soon a new pod must get its share of the calls, and how soon after it can: Kubernetes says `Ready` a moment later
# than it tells the endpoints.
SPREAD_SECONDS = 2.0
# How a program ends that is killed: 128 and the number of SIGKILL.
KILLED = 137
WAIT = "--wait=watcher"


@dataclass
class Release:
    """The release as it should be: every change of it is a change of its values."""

    kube: Kube
    values: dict[str, Any]
    version: str
    next_version: str
    load: Load | None = None
    notes: dict[str, str] = field(default_factory=dict)

    def helm(self, verb: str, *arguments: str) -> None:
        values = self.kube.helm_values(self.values)
        self.kube.helm(verb, RELEASE, str(CHART), "--values", values, WAIT, "--timeout=5m", *arguments)

    def set(self, service: str, **values: Any) -> None:
        self.values.setdefault(service, {}).update(values)
        self.helm("upgrade")


def install(release: Release) -> str:
    began = time.monotonic()
    release.helm("install")
    took = time.monotonic() - began
    if took > 180:
        raise Failed(f"a fresh install took {took:.0f} s: more than three minutes")
    pods = sum(len(release.kube.ready(service)) for service in SERVICES)
    return f"{pods} pods of {len(SERVICES)} services, migrations included"


def chart_test(release: Release) -> str:
    release.kube.helm("test", RELEASE, "--timeout=2m")
    return "the chart's own test"


def autoscale(release: Release, fast: int) -> str:
    """More load makes more gateways, and less load fewer."""
    before = len(release.kube.ready("gateway"))
    assert release.load is not None
    release.load.begin("hpa", fast)
    grown = eventually("that load adds a gateway", 180, lambda: more_than(before, release.kube.ready("gateway")))
    release.load.begin("hpa")
    eventually("that the gateways are as few again", 180, lambda: len(release.kube.pods("gateway")) <= before)
    return f"gateway {before} → {len(grown)} → {before} by {fast} requests a second"


def more_than(count: int, pods: list[str]) -> list[str]:
    return pods if len(pods) > count else []


def scale(release: Release) -> str:
    """Payments 1 → 5 → 2; new pods get calls within two seconds of being ready."""
    release.set("payments", replicas=5)
    slowest = 0.0
    for pod in release.kube.pods("payments"):
        slowest = max(slowest, seconds_until_called(release.kube, pod))
    if slowest > SPREAD_SECONDS:
        raise Failed(f"a new pod of payments had its first call only {slowest:.1f} s after it was ready")
    release.set("payments", replicas=2)
    eventually("that three pods of payments go", 90, lambda: gone(release.kube, "payments", 2))
    return f"payments 1 → 5 → 2, all called within {max(slowest, 0.1):.1f} s"


def gone(kube: Kube, component: str, left: int) -> bool:
    pods = kube.json("get", "pods", f"--selector=app.kubernetes.io/component={component}")["items"]
    return len(pods) <= left


def seconds_until_called(kube: Kube, pod: dict[str, Any]) -> float:
    """How long after now the pod has answered somebody's call."""
    began = time.monotonic()
    name = pod["metadata"]["name"]

    def calls() -> bool:
        metrics = kube.scrape(name)
        return any(
            value > 0
            for key, value in metrics.items()
            if key.startswith("rpc_server_requests_total") and "Health" not in key
        )

    eventually(f"that {name} is called", 10, calls)
    return time.monotonic() - began


def roll(release: Release, *services: str) -> str:
    names = [f"deployment/{RELEASE}-{service}" for service in services]
    release.kube.run("rollout", "restart", *names)
    for name in names:
        release.kube.run("rollout", "status", name, "--timeout=180s", seconds=200)
    return ", ".join(services)


def kill(release: Release) -> str:
    """A program dies without a word, as when its node has no memory left. Nobody is told: not it, not the API server."""
    kube = release.kube
    name = kube.ready("payments")[0]
    victim = kube.json("get", "pod", name)
    status = victim["status"]["containerStatuses"][0]
    kube.apply(namespace(NODE, "privileged"), killer(victim["spec"]["nodeName"], status["containerID"]))

    def restarted() -> Any:
        now = kube.json("get", "pod", name)["status"]["containerStatuses"][0]
        return now if now["restartCount"] > status["restartCount"] else None

    died = eventually(f"that {name} is started again", 90, restarted)["lastState"]["terminated"]
    if died["exitCode"] != KILLED:
        raise Failed(f"{name} ended with {died['exitCode']}, {died.get('reason')}: it was not killed")
    eventually("that payments has two pods again", 90, lambda: more_than(1, kube.ready("payments")))
    kube.run("delete", "namespace", NODE, "--wait=true", seconds=120)
    return "a program of payments, by SIGKILL from its node"


def killer(node: str, container: str) -> dict[str, Any]:
    """A pod that kills every process of a container. From inside, the first process of a container cannot be killed:
    it takes the node's own view of its processes."""
    kill = (
        'for group in /proc/[0-9]*/cgroup; do if grep -q "$0" "$group"; then kill -KILL "${group//[!0-9]/}"; fi; done'
    )
    made = {
        "name": "killer",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"privileged": True, "runAsUser": 0},
        "command": ["bash", "-c", kill, container.rpartition("//")[2]],
    }
    spec = {"nodeName": node, "hostPID": True, "restartPolicy": "Never", "containers": [made]}
    metadata = {"name": "killer", "namespace": NODE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def drain(release: Release) -> str:
    """Every pod is evicted as `kubectl drain` does it: one after another where the budget asks for it."""
    components = [*SERVICES, "egress-proxy"]
    pods = {pod["metadata"]["name"] for component in components for pod in release.kube.pods(component)}
    left = set(pods)
    end = time.monotonic() + 300
    while left:
        left = {pod for pod in left if not evict(release.kube, pod)}
        if time.monotonic() > end:
            raise Failed(f"these pods could not be evicted within five minutes: {', '.join(sorted(left))}")
        time.sleep(0.5)
    for component in components:
        release.kube.run("rollout", "status", f"deployment/{RELEASE}-{component}", "--timeout=120s", seconds=140)
    eventually("that the old pods are gone", 90, lambda: not pods & all_pods(release.kube))
    return f"{len(pods)} pods"


def all_pods(kube: Kube) -> set[str]:
    return {pod["metadata"]["name"] for pod in kube.json("get", "pods")["items"]}


def evict(kube: Kube, pod: str) -> bool:
    """Whether the pod goes; the budget may say `later`."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    said = kube.run("create", "--raw", path, "--filename=-", stdin=json.dumps(eviction), check=False)
    if "disruption budget" in said:
        return False
    if '"Success"' in said or "NotFound" in said or "not found" in said:
        return True
    raise Failed(f"{pod} could not be evicted: {said}")


def alone(release: Release) -> str:
    """Payments gets the next version by itself and goes back: nobody else's pods are touched, by either."""
    before = templates(release.kube)
    release.set("payments", image={"tag": release.next_version})
    expect_rolled(before, templates(release.kube), {"payments"})
    expect_version(release.kube, release.next_version, ["payments"])
    history = json.loads(release.kube.helm("history", RELEASE, "--output=json"))
    release.kube.helm("rollback", RELEASE, str(history[-2]["revision"]), WAIT, "--timeout=5m")
    del release.values["payments"]["image"]
    eventually("that payments is as before", 90, lambda: templates(release.kube) == before)
    expect_version(release.kube, release.version, ["payments"])
    return f"payments {release.version} → {release.next_version} → {release.version}; nobody else was rolled"


def templates(kube: Kube) -> dict[str, set[str]]:
    """By component, the templates that its pods were made from."""
    return {
        component: {pod["metadata"]["labels"]["pod-template-hash"] for pod in kube.pods(component)}
        for component in [*SERVICES, "egress-proxy"]
    }


def expect_rolled(before: dict[str, set[str]], after: dict[str, set[str]], wanted: set[str]) -> None:
    rolled = {component for component in before if before[component] != after[component]}
    if rolled != wanted:
        raise Failed(f"a release of {', '.join(wanted)} rolled {', '.join(sorted(rolled)) or 'nobody'}")


def upgrade(release: Release) -> str:
    release.values["global"]["image"]["tag"] = release.next_version
    release.helm("upgrade")
    expect_version(release.kube, release.next_version)
    return f"{release.version} → {release.next_version}, with its migrations"


def rollback(release: Release) -> str:
    """Back to the programs of before, over the schema of after."""
    history = json.loads(release.kube.helm("history", RELEASE, "--output=json"))
    release.kube.helm("rollback", RELEASE, str(history[-2]["revision"]), WAIT, "--timeout=5m")
    release.values["global"]["image"]["tag"] = release.version
    expect_version(release.kube, release.version)
    return f"{release.next_version} → {release.version}, schema as it is"


def expect_version(kube: Kube, version: str, services: list[str] = SERVICES) -> None:
    for service in services:
        pods = kube.pods(service)
        if not pods:
            raise Failed(f"{service} has no pods, expected some of {version}")
        for pod in pods:
            image = pod["spec"]["containers"][0]["image"]
            if not image.endswith(f":{version}"):
                raise Failed(f"{pod['metadata']['name']} runs {image}, expected {version}")


def uninstall(release: Release) -> str:
    release.kube.helm("uninstall", RELEASE, "--wait=watcher", "--timeout=2m")
    kinds = "deployments,jobs,services,networkpolicies,horizontalpodautoscalers,poddisruptionbudgets,pods"
    return str(eventually("that nothing of the release is left", 60, lambda: nothing_left(release.kube, kinds)))


def nothing_left(kube: Kube, kinds: str) -> str:
    items = kube.json("get", kinds, f"--selector=app.kubernetes.io/instance={RELEASE}")["items"]
    return "" if items else "nothing is left"


def play(launcher: str, gateway: str, sandbox: str) -> str:
    """The demo journey, step by step, as a learner goes it."""
    command = [launcher, "demo", "--gateway", gateway, "--sandbox", sandbox]
    if subprocess.run(command, check=False, timeout=300).returncode != 0:
        raise Failed("the journey did not come to its end: where it stopped stands above")
    return "registered, bought, learnt, certified"


def seed(launcher: str, gateway: str, kubectl: str) -> str:
    users = f"{kubectl} --namespace {NAMESPACE} exec -i deploy/{RELEASE}-users -- /users"
    command = [launcher, "seed", "--gateway", gateway, "--users", users]
    if subprocess.run(command, check=False, timeout=300).returncode != 0:
        raise Failed("the demo school could not be made: why stands above")
    return "people, courses, prices"
