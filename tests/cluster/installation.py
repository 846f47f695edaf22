"""The release: what its values and Secrets say, so that its pods use the stores and the outside world beside the
cluster."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kube import Kube

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/lyceum"
RELEASE = "lyceum"
NAMESPACE, OUTSIDE, STRANGERS = "lyceum-suite", "lyceum-suite-outside", "lyceum-suite-strangers"
# Where a pod may see the processes of its node; there only while something is killed.
NODE = "lyceum-suite-node"
SERVICES = ["gateway", "users", "courses", "payments", "notifications", "documents", "analytics"]
OWNERS = SERVICES[1:]

# By the name in the cluster: which port beside it.
STORES = {
    "postgres": "postgres",
    "redis": "redis",
    "rabbitmq": "rabbitmq.amqp",
    "bank": "sandbox.http",
    "mail": "sandbox.smtp",
    "store": "sandbox.s3",
    "traces": "sandbox.otlp",
}


class Beside:
    """What the launcher started beside the cluster, as pods find it."""

    def __init__(self) -> None:
        said = json.loads(Path(os.environ["LYCEUM_CLUSTER"]).read_text())
        self.address: str = said["address"]
        self.node_port: int = said["nodePort"]
        self.ports: dict[str, int] = said["ports"]
        self.variables: dict[str, dict[str, str]] = said["services"]

    def variable(self, service: str, name: str) -> str:
        return self.variables[service][f"LYCEUM_{name}"]

    def name(self, store: str) -> str:
        return f"{store}.{OUTSIDE}.svc.cluster.local"

    def port(self, store: str) -> int:
        return self.ports[STORES[store]]

    def moved(self, url: str, store: str) -> str:
        """The same address as pods use it: by the name in the cluster."""
        return url.replace("127.0.0.1", self.name(store))

    def objects(self) -> list[dict[str, Any]]:
        """Services without selector, and EndpointSlices that say where they lead."""
        made: list[dict[str, Any]] = []
        for store in STORES:
            port = self.port(store)
            meta = {"name": store, "namespace": OUTSIDE}
            ports = [{"name": "main", "port": port, "protocol": "TCP"}]
            # Without an address of its own, so that policies and the exit see where it really leads.
            made.append(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": meta,
                    "spec": {"clusterIP": "None", "ports": [{**ports[0], "targetPort": port}]},
                }
            )
            made.append(
                {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "addressType": "IPv4",
                    "metadata": {**meta, "labels": {"kubernetes.io/service-name": store}},
                    "endpoints": [{"addresses": [self.address], "conditions": {"ready": True}}],
                    "ports": ports,
                }
            )
        return made

    def secrets(self) -> list[dict[str, Any]]:
        keys = {"jwks.json": self.variable("users", "SERVICE_KEYS"), "key-secret": self.variable("users", "KEY_SECRET")}
        for service in SERVICES:
            keys[f"{service}.pkcs8"] = self.variables[service].get("LYCEUM_SERVICE_KEY", "")
        passwords = {owner: urlsplit(self.variable(owner, "DATABASE_URL")).password or "" for owner in OWNERS}
        contents = {
            "lyceum-keys": {name: text for name, text in keys.items() if text},
            "lyceum-database": passwords,
            "lyceum-rabbitmq": {"url": self.moved(self.variable("users", "AMQP_URL"), "rabbitmq")},
            "lyceum-redis": {"url": self.moved(self.variable("users", "REDIS_URL"), "redis")},
            "lyceum-s3": {
                "access-key": self.variable("documents", "S3_ACCESS_KEY"),
                "secret-key": self.variable("documents", "S3_SECRET_KEY"),
            },
            "lyceum-smtp": {"url": self.moved(self.variable("notifications", "SMTP_URL"), "mail")},
            "lyceum-tbank": {
                "terminal": self.variable("payments", "TBANK_TERMINAL"),
                "password": self.variable("payments", "TBANK_PASSWORD"),
            },
            "lyceum-document-system": {
                "url": self.moved(self.variable("documents", "DOCUMENT_SYSTEM_AMQP_URL"), "rabbitmq")
            },
        }
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "stringData": content,
            }
            for name, content in contents.items()
        ]

    def values(self, registry: str) -> dict[str, Any]:
        here = [{"ipBlock": {"cidr": f"{self.address}/32"}}]
        limits = {
            name.removeprefix("LYCEUM_"): value
            for name, value in self.variables["gateway"].items()
            if name.startswith("LYCEUM_RATE_")
        }
        bank = self.moved(self.variable("payments", "TBANK_URL"), "bank")
        # Links to the store are followed by browsers, too, which do not know the names of the cluster.
        store = f"http://{self.address}:{self.port('store')}"
        # A node of two cores must hold everything, some of it twice while it rolls.
        small = {"requests": {"cpu": "15m", "memory": "48Mi"}, "limits": {"memory": "512Mi"}}
        values: dict[str, Any] = {
            service: {"resources": small, "migration": {"resources": small}} for service in OWNERS
        }
        said: dict[str, Any] = {
            "global": {
                "publicUrl": self.variable("gateway", "PUBLIC_URL"),
                "image": {"registry": registry},
                "database": {"host": self.name("postgres"), "port": self.port("postgres"), "sslmode": "disable"},
                "tracing": {"endpoint": f"http://{self.name('traces')}:{self.port('traces')}", "ratio": 0.01},
            },
            "gateway": {
                "replicas": 2,
                "config": {**limits, "TRUSTED_PROXIES": "0"},
                "service": {"type": "NodePort", "nodePort": self.node_port},
            },
            "payments": {"config": {"TBANK_URL": bank, "ASK_AFTER": self.variable("payments", "ASK_AFTER")}},
            "notifications": {
                "config": {"MAIL_FROM": self.variable("notifications", "MAIL_FROM")},
                "exits": {"smtp": {"to": here, "ports": [self.port("mail")]}},
            },
            "documents": {
                "config": {
                    "S3_URL": store,
                    "S3_REGION": self.variable("documents", "S3_REGION"),
                    "S3_BUCKET": self.variable("documents", "S3_BUCKET"),
                },
                "secrets": {"DOCUMENT_SYSTEM_AMQP_URL": {"secret": "lyceum-document-system", "key": "url"}},
                "exits": {"document-system": {"enabled": True, "to": here, "ports": [self.port("rabbitmq")]}},
            },
            "egressProxy": {
                "ports": [443, self.port("bank"), self.port("store")],
                # What is outside has a private address here.
                "privateExceptions": [f"{self.address}/32"],
            },
            "networkPolicy": {
                "amqp": {"ports": [self.port("rabbitmq")]},
                "redis": {"ports": [self.port("redis")]},
                "tracing": {"to": here},
            },
        }
        return {name: values.get(name, {}) | said.get(name, {}) for name in values | said}


def namespace(name: str, level: str = "restricted") -> dict[str, Any]:
    """A namespace that admits pods of this level of the Pod Security Standards."""
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn", "audit")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def prepare(kube: Kube, beside: Beside) -> None:
    """An empty place for the release, and everything that it expects to find there."""
    remove(kube)
    kube.apply(*(namespace(name) for name in (NAMESPACE, OUTSIDE, STRANGERS)))
    kube.apply(*beside.objects(), *beside.secrets())


def remove(kube: Kube) -> None:
    kube.run(
        "delete", "namespace", NAMESPACE, OUTSIDE, STRANGERS, NODE, "--ignore-not-found", "--wait=true", seconds=300
    )
