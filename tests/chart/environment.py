"""The strongest check of a chart: the services themselves read what their pods would be told.

Each program's `check-config` runs with the rendered environment, where the mounted Secrets lie in a folder of this
machine, and refuses what is missing, wrong or unknown. Contents come from the release's own Secrets, where it makes
them, and else from here.
"""

import base64
import datetime
import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from cases import CASES, Case, Document, containers, name_of, pods
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from tools import ROOT

# Verbs that are told everything by their words.
WITHOUT_CONFIGURATION = {"check-school"}
SERVICES = ["gateway", "users", "courses", "payments", "notifications", "documents", "analytics"]


def build() -> str | None:
    """Builds the services, which takes seconds where they are built already."""
    # As the launcher does: for packages by name cargo would compile much once more, with other features.
    programs = [argument for name in [*SERVICES, "sandbox"] for argument in ("--bin", name)]
    command = [os.environ.get("CARGO", "cargo"), "build", "--quiet", *programs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return f"the services cannot be built:\n{done.stderr[-2000:]}" if done.returncode else None


@cache
def certificate() -> dict[str, str]:
    """A key and a certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lyceum")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return {
        "tls.crt": pem,
        "ca.crt": pem,
        "tls.key": key.private_bytes(serialization.Encoding.PEM, *form).decode(),
    }


@cache
def service_key() -> str:
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return base64.b64encode(ed25519.Ed25519PrivateKey.generate().private_bytes(*form)).decode()


def sample(secret: str, key: str) -> str | None:
    """What such a key of such a Secret holds in a real school."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": "gateway.1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    addresses = {
        "rabbitmq": "amqps://lyceum:p%40ss@broker.example:5671/lyceum",
        "redis": "rediss://:pass@cache.example:6379/0",
        "smtp": "smtps://school:pass@mail.example",
        "document": "amqps://school:pass@papers.example:5671/school",
    }
    if key in certificate():
        return certificate()[key]
    if key.endswith(".pkcs8"):
        return service_key()
    if "database" in secret and key.endswith("-url"):
        return "postgres://analytics:password@postgres.stores.internal/analytics"
    if key in ("url", "uri", "connection_string"):
        return next((address for name, address in addresses.items() if name in secret), None)
    return {
        "jwks.json": json.dumps({"keys": [jwk]}),
        "key-secret": base64.b64encode(bytes(32)).decode(),
        "access-key": "GK0123456789",
        "secret-key": "secret",
        "terminal": "1234567890DEMO",
        "secret": "abcdef123456",
    }.get(key, "password" if "database" in secret or key == "password" else None)


class Pod:
    """What a container sees of the release: its variables, and its files below a folder of ours."""

    def __init__(self, documents: list[Document], root: Path):
        self.root = root
        self.made = {
            d["metadata"]["name"]: {
                **{key: base64.b64decode(value).decode() for key, value in (d.get("data") or {}).items()},
                **(d.get("stringData") or {}),
            }
            for d in documents
            if d["kind"] == "Secret"
        }
        self.maps = {d["metadata"]["name"]: d.get("data") or {} for d in documents if d["kind"] == "ConfigMap"}

    def secret(self, name: str, key: str) -> str:
        value = self.made[name].get(key) if name in self.made else sample(name, key)
        if value is None:
            raise LookupError(f"nobody knows what the key {key} of the Secret {name} holds")
        return value

    def mount(self, spec: dict[str, Any], container: dict[str, Any]) -> None:
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                raise LookupError(f"there is no volume {mount['name']}")
            place = self.root / mount["mountPath"].lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            volume = volumes[mount["name"]]
            sources = volume.get("projected", {}).get("sources", [volume])
            for source in sources:
                self.fill(place, source)

    def fill(self, place: Path, source: dict[str, Any]) -> None:
        if (secret := source.get("secret")) is not None:
            name = secret.get("secretName") or secret["name"]
            keys = self.made.get(name) or certificate()
            items = secret.get("items") or [{"key": key, "path": key} for key in keys]
            for item in items:
                (place / item["path"]).write_text(self.secret(name, item["key"]))
        if (config := source.get("configMap")) is not None:
            for key, value in self.maps.get(config["name"], {}).items():
                (place / key).write_text(value)

    def variables(self, container: dict[str, Any]) -> dict[str, str]:
        variables = {}
        for variable in container.get("env", []):
            value = variable.get("value")
            if (source := variable.get("valueFrom", {}).get("secretKeyRef")) is not None:
                value = self.secret(source["name"], source["key"])
            if value is None:
                continue
            # Files of the pod lie below our folder.
            is_path = value.startswith("/etc/lyceum/")
            variables[variable["name"]] = str(self.root / value.lstrip("/")) if is_path else value
        return variables


def check_pod(documents: list[Document], spec: dict[str, Any], container: dict[str, Any], service: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        pod = Pod(documents, Path(folder))
        try:
            pod.mount(spec, container)
            variables = pod.variables(container)
        except LookupError as error:
            return str(error)
        program = ROOT / "target/debug" / service
        done = subprocess.run([program, "check-config"], env=variables, capture_output=True, text=True, timeout=30)
        return None if done.returncode == 0 else (done.stderr + done.stdout).strip()[-1500:]


# What was asked already, of releases that hold no Secret of their own, and the answers.
asked: dict[str, str | None] = {}


def check_once(documents: list[Document], spec: dict[str, Any], container: dict[str, Any], service: str) -> str | None:
    """Many installations tell a program the same."""
    if any(document["kind"] == "Secret" for document in documents):
        return check_pod(documents, spec, container, service)
    told = [service, container.get("env"), container.get("volumeMounts"), spec.get("volumes")]
    key = json.dumps(told)
    if key not in asked:
        asked[key] = check_pod(documents, spec, container, service)
    return asked[key]


def check_case(case: Case) -> list[str]:
    """Every container that runs one of our programs, whatever its verb."""
    bad, met = [], set()
    for document, pod in pods(case.documents):
        for container in containers(pod):
            service = container["image"].rsplit("/", 1)[-1].partition("@")[0].partition(":")[0]
            if service not in SERVICES or WITHOUT_CONFIGURATION & set(container.get("args", [])):
                continue
            met.add(service)
            if (failure := check_once(case.documents, pod["spec"], container, service)) is not None:
                bad.append(f"{name_of(document)}/{container['name']}: {failure}")
    return bad + [f"no pod runs {service}" for service in SERVICES if service not in (*met, case.without)]


def check_all() -> list[str]:
    if (failure := build()) is not None:
        return [failure]
    return [f"{case.name}: {failure}" for case in CASES for failure in check_case(case)]
