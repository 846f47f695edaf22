"""Who may reach whom, worked out from the rendered NetworkPolicies as the API's definition says, as a table that is
kept.

Both sides have to let a connection through: the caller's egress and the called one's ingress. Policies add up; who is
selected by no policy of a direction is open in it. Peers that are no pods of the release are played by strangers
below.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any

from cases import Case, Document, containers, name_of, pods
from releases import labels_of, selects
from tools import HERE

GOLDEN = HERE / "golden"
COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True)
class Peer:
    """A pod, or an address that is none."""

    name: str
    namespace: str
    labels: dict[str, Any]
    address: str
    # By name, what it listens on.
    ports: dict[str, Any]
    ours: bool = False
    # Made by an operator out of an object of the release.
    store: bool = False

    def __hash__(self) -> int:
        return hash(self.name)


SCHOOL = "school"
# Somebody who is no pod of the release: where they live, who they are, what they offer.
STRANGERS = [
    Peer("stranger in the namespace", SCHOOL, {"app": "stranger"}, "10.42.7.7", {}),
    Peer("stranger elsewhere", "other", {"app": "stranger"}, "10.42.8.8", {}),
    Peer("ingress controller", "ingress", {"app": "controller"}, "10.42.9.9", {}),
    Peer("Envoy Gateway", "envoy-gateway-system", {"app": "envoy"}, "10.42.11.11", {}),
    Peer("prometheus", "monitoring", {"app": "prometheus"}, "10.42.10.10", {}),
    Peer(
        "Internet",
        "",
        {},
        "203.0.113.7",
        {"https": 443, "smtp": 465, "submission": 587, "amqps": 5671, "ssh": 22, "http": 80},
    ),
    Peer("metadata of the cloud", "", {}, "169.254.169.254", {"http": 80}),
    Peer(
        "private address",
        "",
        {},
        "10.9.9.9",
        {"postgres": 5432, "redis": 6379, "amqp": 5672, "amqps": 5671, "https": 443, "apiserver": 6443, "ssh": 22},
    ),
    Peer("Internet by IPv6", "", {}, "2001:db8::7", {"https": 443, "smtp": 465, "ssh": 22, "http": 80}),
    Peer("metadata of the cloud by IPv6", "", {}, "fd00:ec2::254", {"http": 80}),
    # What a translator makes of a private address.
    Peer("private address by NAT64", "", {}, "64:ff9b::a09:909", {"https": 443, "smtp": 465}),
    Peer("private address by IPv6", "", {}, "fd00::9", {"postgres": 5432, "https": 443, "ssh": 22}),
    Peer("production's PostgreSQL", "", {}, "10.20.1.9", {"postgres": 5432, "ssh": 22}),
    Peer("production's RabbitMQ", "", {}, "10.20.2.9", {"amqp": 5672, "amqps": 5671, "management": 15672}),
    Peer("production's Redis", "", {}, "10.20.3.9", {"redis": 6379, "rediss": 6380, "ssh": 22}),
    Peer("DNS", "kube-system", {"k8s-app": "kube-dns"}, "10.42.0.2", {"dns": 53}),
    Peer("NodeLocal DNS", "", {}, "169.254.20.10", {"dns": 53, "http": 80}),
    Peer("traces' balancer", "tracing", {"app.kubernetes.io/name": "lyceum-balancer"}, "10.42.13.13", {"otlp": 4317}),
]
# What operators make of an object of the release, by its kind, and who keeps it.
STORES = {
    "Cluster": [
        Peer(
            "PostgreSQL",
            SCHOOL,
            {"cnpg.io/cluster": "lyceum-postgresql"},
            "10.42.20.1",
            {"postgres": 5432, "metrics": 9187, "status": 8000},
            store=True,
        ),
        Peer("PostgreSQL's operator", "cnpg-system", {}, "10.42.21.1", {}),
    ],
    "RabbitmqCluster": [
        Peer(
            "RabbitMQ",
            SCHOOL,
            {"app.kubernetes.io/name": "lyceum-rabbitmq"},
            "10.42.20.2",
            {
                "amqp": 5672,
                "amqps": 5671,
                "management": 15672,
                "managements": 15671,
                "metrics": 15692,
                "metrics by TLS": 15691,
            },
            store=True,
        ),
        Peer("RabbitMQ's operator", "rabbitmq-system", {}, "10.42.21.2", {}),
        Peer("KEDA", "keda", {}, "10.42.21.3", {}),
    ],
    "Redis": [
        Peer("Redis", SCHOOL, {"app": "lyceum-redis"}, "10.42.20.3", {"redis": 6379, "metrics": 9121}, store=True),
    ],
}
# Those of them who call as well.
CALLERS = (
    "stranger in the namespace",
    "stranger elsewhere",
    "ingress controller",
    "Envoy Gateway",
    "prometheus",
    "Internet",
    "PostgreSQL's operator",
    "RabbitMQ's operator",
    "KEDA",
)
# The cases whose tables are kept; the others open nothing else.
KEPT = ("plain", "dev", "production", "operators", "operators-namespace", "operators-tls", "backup", "dual-stack")
# Who watches, keeps or enters what is ours, and lives elsewhere.
ELSEWHERE = (
    "other",
    "ingress",
    "envoy-gateway-system",
    "monitoring",
    "kube-system",
    "tracing",
    "cnpg-system",
    "rabbitmq-system",
    "keda",
)
NAMESPACES = {name: {"kubernetes.io/metadata.name": name} for name in (SCHOOL, *ELSEWHERE)}


def peers_of(documents: list[Document]) -> list[Peer]:
    """The pods of a release, one a component."""
    peers: dict[str, Peer] = {}
    for document, pod in pods(documents):
        labels = labels_of(pod)
        # Backups share a component and differ in what they may reach.
        what = labels.get("lyceum.io/backup")
        name = (labels.get(COMPONENT) or name_of(document)) + (f" of {what}" if what else "")
        ports = {
            port["name"]: port["containerPort"] for container in containers(pod) for port in container.get("ports", [])
        }
        peers.setdefault(name, Peer(name, SCHOOL, labels, f"10.42.1.{len(peers) + 10}", ports, ours=True))
    return list(peers.values())


def fits(rule_peer: dict[str, Any], peer: Peer, namespace: str) -> bool:
    if block := rule_peer.get("ipBlock"):
        address = ipaddress.ip_address(peer.address)
        inside = address in ipaddress.ip_network(block["cidr"])
        return inside and not any(address in ipaddress.ip_network(cidr) for cidr in block.get("except", []))
    if not peer.namespace:
        return False
    if "namespaceSelector" in rule_peer:
        if not selects(rule_peer["namespaceSelector"], NAMESPACES[peer.namespace]):
            return False
    elif peer.namespace != namespace:
        return False
    return selects(rule_peer.get("podSelector", {}), peer.labels)


def opens(rule_ports: list[dict[str, Any]] | None, called: Peer, port: int) -> bool:
    if not rule_ports:
        return True
    for entry in rule_ports:
        wanted = entry.get("port")
        if isinstance(wanted, str):
            wanted = called.ports.get(wanted) if called.ours else None
            if wanted == port:
                return True
        elif wanted is None or wanted <= port <= entry.get("endPort", wanted):
            return True
    return False


def lets(policies: list[Document], direction: str, owner: Peer, other: Peer, port: int) -> bool:
    """Whether the policies of `owner` let `other` in, or itself out to it."""
    key, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    called = owner if direction == "Ingress" else other
    if not owner.ours and owner.namespace != SCHOOL:
        return True
    mine = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], owner.labels)
    ]
    if not mine:
        return True
    for spec in mine:
        for rule in spec.get(key) or []:
            who = rule.get(side)
            if opens(rule.get("ports"), called, port) and (not who or any(fits(peer, other, SCHOOL) for peer in who)):
                return True
    return False


def reachability(case: Case) -> str:
    """A line for everybody who may call somebody, with what they may call."""
    policies = [document for document in case.documents if document["kind"] == "NetworkPolicy"]
    ours = sorted(peers_of(case.documents), key=lambda peer: peer.name)
    made = {document["kind"] for document in case.documents}
    everybody = ours + [peer for kind, peers in STORES.items() if kind in made for peer in peers] + STRANGERS
    lines = []
    for caller in everybody:
        for called in everybody:
            mine = caller.ours or caller.store
            if not (mine or called.ours or called.store) or not (mine or caller.name in CALLERS):
                continue
            # Of a store there are several.
            if caller is called and not caller.store:
                continue
            ports = [
                name
                for name, port in sorted(called.ports.items())
                if lets(policies, "Egress", caller, called, port) and lets(policies, "Ingress", called, caller, port)
            ]
            if ports:
                lines.append(f"{caller.name} → {called.name}: {', '.join(ports)}")
    return "\n".join(lines) + "\n"


def guarded(case: Case) -> list[str]:
    """Each pod has a policy of its own in both directions, besides the one that denies everything."""
    policies = [document["spec"] for document in case.documents if document["kind"] == "NetworkPolicy"]
    bad = []
    for document, pod in pods(case.documents):
        for direction in ("Ingress", "Egress"):
            mine = [p for p in policies if direction in p["policyTypes"] and selects(p["podSelector"], labels_of(pod))]
            if not any(COMPONENT in (p["podSelector"].get("matchLabels") or {}) for p in mine):
                bad.append(f"{name_of(document)}: no NetworkPolicy of its own for {direction}")
            if not any(not p.get(direction.lower()) for p in mine):
                bad.append(f"{name_of(document)}: nothing denies {direction} by default")
    return bad


def stores_live(case: Case) -> list[str]:
    """Stores of operators reach each other, the API server and names, or they never come up; their operator and the
    services reach them."""
    lines = set(reachability(case).splitlines())
    made = {document["kind"] for document in case.documents}
    needed = {
        "Cluster": [
            "PostgreSQL → PostgreSQL: ",
            "PostgreSQL → private address: apiserver, https",
            "PostgreSQL → DNS: dns",
            "PostgreSQL → NodeLocal DNS: dns",
            "PostgreSQL's operator → PostgreSQL: ",
            "users-migrate → PostgreSQL: postgres",
            "backup of postgres-users → PostgreSQL: postgres",
            "PostgreSQL → Internet: https",
        ],
        "RabbitmqCluster": [
            "RabbitMQ → RabbitMQ: ",
            "RabbitMQ → private address: apiserver, https",
            "RabbitMQ → DNS: dns",
            "RabbitMQ's operator → RabbitMQ: ",
            "users → RabbitMQ: amqp",
            "backup of rabbitmq → RabbitMQ: management",
        ],
        "Redis": ["users → Redis: redis", "Redis → DNS: dns"],
    }
    bad = [
        f"closed: {start}…"
        for kind in made & set(needed)
        for start in needed[kind]
        if not any(line.startswith(start) for line in lines)
    ]
    asked = any(document["kind"] == "ScaledObject" for document in case.documents)
    if "RabbitmqCluster" in made and asked != any(line.startswith("KEDA → RabbitMQ: amqp") for line in lines):
        bad.append(f"KEDA {'may not' if asked else 'may'} ask the broker")
    return bad


# Held for every case, whatever else its table says.
def never(case: Case) -> list[str]:
    bad = []
    for line in reachability(case).splitlines():
        caller, _, rest = line.partition(" → ")
        called, _, ports = rest.partition(": ")
        outside = caller in (
            "stranger in the namespace",
            "stranger elsewhere",
            "ingress controller",
            "Envoy Gateway",
            "prometheus",
        )
        # A school for trying shows the bank's page and the files as well.
        shown = case.trial and called in ("dev-s3", "dev-sandbox")
        if outside and called != "gateway" and not shown and ports not in ("admin", "metrics", "metrics by TLS"):
            bad.append(f"a back door: {line}")
        # PostgreSQL of an operator brings its WAL away by itself.
        may_leave = ("egress-proxy", "notifications", "documents", "PostgreSQL", "stranger in the namespace")
        if called in ("Internet", "Internet by IPv6") and caller not in may_leave:
            bad.append(f"an exit of its own: {line}")
        hidden = ("metadata of the cloud", "metadata of the cloud by IPv6", "private address by NAT64")
        if caller not in ("stranger in the namespace",) and called in hidden:
            bad.append(f"the cloud's credentials: {line}")
        if "ssh" in ports and caller != "stranger in the namespace":
            bad.append(f"every port is open: {line}")
    return bad


def check_table(case: Case, accept: bool) -> list[str]:
    """Holds the table against the kept one. `run.py --accept` keeps the new one."""
    if case.name not in KEPT:
        return []
    path, table = GOLDEN / f"reach-{case.name}.txt", reachability(case)
    if accept:
        path.write_text(table)
        return []
    kept = path.read_text() if path.exists() else ""
    if kept == table:
        return []
    old, new = set(kept.splitlines()), set(table.splitlines())
    return [f"closed: {line}" for line in sorted(old - new)] + [f"opened: {line}" for line in sorted(new - old)]
