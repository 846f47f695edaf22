"""Doors, tried from pods that have no business there, and from a service's own pod: who reaches whom, and what the
exit lets out."""

import json
import tempfile
from typing import Any

from installation import NAMESPACE, OWNERS, RELEASE, SERVICES, STRANGERS, Beside
from kube import Failed, Kube, eventually

# Any image with bash; this one is at hand wherever databases run.
IMAGE = "docker.io/library/postgres:17.6"
UID = 999
CONTEXT = {
    "runAsUser": UID,
    "runAsGroup": UID,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}

# Each line of the plan is tried at the same time, on machines that may be busy: a door that should be open has twenty
# seconds to answer, and one that swallows packets counts as closed after six.
OPEN_SECONDS, CLOSED_SECONDS = 20, 6
TRY = r"""
try() { if timeout $S bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; then echo "$1 open"; else echo "$1 closed"; fi; }
ask() {
  timeout $S bash -c 'exec 3<>"/dev/tcp/$1/$2"; printf "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" "$3" "$3" >&3
    read -r _ status _ <&3; echo "$status"' \
    _ "$2" "$3" "$4" 2>/dev/null | { read -r status; if [ "$status" = 200 ]; then echo "$1 open"; else echo "$1 closed"; fi; }
}
"""

# What is tried: a name, `open` or `closed` as it should be, and the line that tries it.
Plan = list[tuple[str, str, str]]


def doors(kube: Kube, beside: Beside) -> str:
    """Tries all of them; gives how many."""
    for name in (STRANGERS, NAMESPACE):
        kube.apply(stranger(name))
    tried = 0
    addresses = {service: ready_address(kube, service) for service in [*SERVICES, "egress-proxy"]}
    wrong: list[str] = []
    for space in (STRANGERS, NAMESPACE):
        ready = ("wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s", f"--namespace={space}")
        kube.run(*ready)
        plan = from_strangers(addresses)
        script = script_of(plan)
        said = kube.run("exec", f"--namespace={space}", "stranger", "--", "bash", "-c", script)
        wrong += compare(f"a stranger in {space}", plan, said)
        tried += len(plan)
    plan = from_payments(addresses, beside)
    wrong += compare("payments", plan, inside(kube, kube.ready("payments")[0], plan))
    tried += len(plan)
    for name in (STRANGERS, NAMESPACE):
        kube.run("delete", "pod", "stranger", f"--namespace={name}", "--grace-period=0", "--force")
    if wrong:
        raise Failed("doors that are not as they should be:\n      " + "\n      ".join(wrong))
    return f"{tried} doors tried"


def from_strangers(addresses: dict[str, str]) -> Plan:
    """Only the gateway answers, and only at its public door."""
    plan: Plan = [("gateway", "open", f"try gateway {addresses['gateway']} 8080")]
    plan += [(f"{name}.grpc", "closed", f"try {name}.grpc {addresses[name]} 7000") for name in OWNERS]
    plan += [(f"{name}.admin", "closed", f"try {name}.admin {addresses[name]} 9090") for name in SERVICES]
    return [*plan, ("egress-proxy", "closed", f"try egress-proxy {addresses['egress-proxy']} 3128")]


def from_payments(addresses: dict[str, str], beside: Beside) -> Plan:
    """Its own stores and neighbours, and of the world outside only the bank, through the exit."""
    here, proxy = beside.address, f"{RELEASE}-egress-proxy 3128"
    bank, mail = (f"{beside.name(name)}:{beside.port(name)}" for name in ("bank", "mail"))
    plan: Plan = [
        ("database", "open", f"try database {beside.name('postgres')} {beside.port('postgres')}"),
        ("broker", "open", f"try broker {beside.name('rabbitmq')} {beside.port('rabbitmq')}"),
        ("users", "open", f"try users {addresses['users']} 7000"),
        ("exit", "open", f"try exit {proxy}"),
        ("bank-through-exit", "open", f"ask bank-through-exit {proxy} {bank}"),
        ("mail-through-exit", "closed", f"ask mail-through-exit {proxy} {mail}"),
        (
            "database-through-exit",
            "closed",
            f"ask database-through-exit {proxy} {beside.name('postgres')}:{beside.port('postgres')}",
        ),
        ("other-name-through-exit", "closed", f"ask other-name-through-exit {proxy} example.org:443"),
        ("bank-directly", "closed", f"try bank-directly {here} {beside.port('bank')}"),
        ("mail-directly", "closed", f"try mail-directly {here} {beside.port('mail')}"),
        ("object-store-directly", "closed", f"try object-store-directly {here} {beside.port('store')}"),
        ("cache", "closed", f"try cache {beside.name('redis')} {beside.port('redis')}"),
    ]
    others = [name for name in OWNERS if name not in ("users", "payments")]
    plan += [(name, "closed", f"try {name} {addresses[name]} 7000") for name in others]
    return [*plan, ("gateway", "closed", f"try gateway {addresses['gateway']} 9090")]


def script_of(plan: Plan) -> str:
    seconds = {"open": OPEN_SECONDS, "closed": CLOSED_SECONDS}
    return TRY + "\n".join(f"(S={seconds[state]}; {line}) &" for _, state, line in plan) + "\nwait"


def compare(where: str, plan: Plan, said: str) -> list[str]:
    found = dict(line.split() for line in said.splitlines() if len(line.split()) == 2)
    wanted = {name: state for name, state, _ in plan}
    return [
        f"from {where}: {name} is {found.get(name, 'not tried')}, expected {state}"
        for name, state in wanted.items()
        if found.get(name) != state
    ]


def inside(kube: Kube, pod: str, plan: Plan) -> str:
    """Tries from within a running pod's own network, where the policies of that very pod hold."""
    script = script_of(plan)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as custom:
        json.dump({"securityContext": CONTEXT}, custom)
        custom.flush()
        kube.run(
            "debug",
            pod,
            f"--image={IMAGE}",
            "--container=doors",
            "--profile=restricted",
            f"--custom={custom.name}",
            "--image-pull-policy=IfNotPresent",
            "--quiet",
            "--",
            "bash",
            "-c",
            script,
        )

    def ended() -> bool:
        statuses = kube.json("get", "pod", pod)["status"].get("ephemeralContainerStatuses", [])
        return any("terminated" in status.get("state", {}) for status in statuses)

    eventually("that the doors are tried from payments", 60, ended)
    return kube.run("logs", pod, "--container=doors")


def ready_address(kube: Kube, component: str) -> str:
    pods = {pod["metadata"]["name"]: pod for pod in kube.pods(component)}
    names = kube.ready(component)
    if not names:
        raise Failed(f"no pod of {component} is ready")
    return str(pods[names[0]]["status"]["podIP"])


def stranger(namespace: str) -> dict[str, Any]:
    container = {
        "name": "stranger",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": CONTEXT,
        "command": ["bash", "-c", "sleep infinity"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "namespace": namespace},
        "spec": {"containers": [container], "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0},
    }
