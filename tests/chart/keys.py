"""`helm/make-secrets`: what it puts into a cluster, held against an independent reading of the keys, and what it
never does."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from tools import ROOT

PROGRAM = ROOT / "helm/make-secrets"
SERVICES = ["gateway", "users", "courses", "payments", "notifications", "documents", "analytics"]

# Keeps Secrets in a folder as kubectl keeps them in a cluster: the three commands that the program uses.
KUBECTL = """#!{python}
import base64, json, pathlib, sys
store, words = pathlib.Path({store!r}), sys.argv[1:]
if words[:2] == ["get", "secret"]:
    kept = store / words[2]
    if not kept.exists():
        sys.exit("NotFound")
    for name, value in json.loads(kept.read_text())["data"].items():
        print(name, value)
elif words[:2] == ["create", "secret"]:
    folder = pathlib.Path(next(word for word in words if word.startswith("--from-file=")).removeprefix("--from-file="))
    data = {{file.name: base64.b64encode(file.read_bytes()).decode() for file in sorted(folder.iterdir())}}
    print(json.dumps({{"metadata": {{"name": words[3]}}, "data": data}}))
elif words[0] in ("create", "replace"):
    secret = json.load(sys.stdin)
    kept = store / secret["metadata"]["name"]
    if kept.exists() != (words[0] == "replace"):
        sys.exit("AlreadyExists" if words[0] == "create" else "NotFound")
    kept.write_text(json.dumps(secret))
"""


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def kid(service: str, encoded: bytes) -> str:
    """The id by RFC 7638, of a key in PKCS#8 and base64."""
    key = load_der_private_key(base64.b64decode(encoded), None)
    assert isinstance(key, Ed25519PrivateKey)
    x = url64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    thumbprint = hashlib.sha256(json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":")).encode())
    return f"{service}.{url64(thumbprint.digest())[:12]}"


class Cluster:
    """Secrets in a folder, and the program beside them."""

    def __init__(self, folder: str) -> None:
        self.folder, self.said = Path(folder), ""
        self.store = self.folder / "secrets"
        self.store.mkdir()
        kubectl = self.folder / "kubectl"
        kubectl.write_text(KUBECTL.format(python=sys.executable, store=str(self.store)))
        kubectl.chmod(0o755)

    def run(self, *words: str) -> int:
        env = os.environ | {"KUBECTL": str(self.folder / "kubectl")}
        done = subprocess.run([PROGRAM, *words], env=env, capture_output=True, text=True)
        self.said += done.stdout + done.stderr
        return done.returncode

    def secret(self, name: str) -> dict[str, bytes]:
        data = json.loads((self.store / name).read_text())["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def published(self) -> set[str]:
        return {key["kid"] for key in json.loads(self.secret("lyceum-keys")["jwks.json"])["keys"]}


def check() -> list[str]:
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(folder)
        sql = Path(folder, "roles.sql")
        if cluster.run("create", "--sql", str(sql)) != 0:
            return [f"make-secrets create failed: {cluster.said}"]
        keys, passwords = cluster.secret("lyceum-keys"), cluster.secret("lyceum-database")
        own = {service: kid(service, keys[f"{service}.pkcs8"]) for service in SERVICES}
        if cluster.published() != set(own.values()):
            bad.append(f"published are {sorted(cluster.published())}, the keys are {sorted(own.values())}")
        if len(base64.b64decode(keys["key-secret"])) != 32:
            bad.append("key-secret is not 32 bytes in base64")
        if set(passwords) != set(SERVICES) - {"gateway"} or len(set(passwords.values())) != len(passwords):
            bad.append(f"passwords are there for {sorted(passwords)}")
        if any(value.decode() not in sql.read_text() for value in passwords.values()) or sql.stat().st_mode & 0o077:
            bad.append("the statements do not have every password, or others may read them")

        before = [(kept.name, kept.read_text()) for kept in sorted(cluster.store.iterdir())]
        cluster.run("create")
        if [(kept.name, kept.read_text()) for kept in sorted(cluster.store.iterdir())] != before:
            bad.append("what is there was overwritten")

        # At each step, everybody who has not restarted yet knows the key that signs.
        if cluster.run("switch", "courses") == 0:
            bad.append("a key was switched to that nobody knows")
        cluster.run("publish", "courses")
        after_publish = cluster.published()
        cluster.run("switch", "courses")
        new = kid("courses", cluster.secret("lyceum-keys")["courses.pkcs8"])
        if new == own["courses"] or new not in after_publish or not {new, own["courses"]} <= cluster.published():
            bad.append("a new key signs before it is published, or the old one is forgotten at once")
        cluster.run("retire", "courses")
        if cluster.published() != set(own.values()) - {own["courses"]} | {new}:
            bad.append("the old key is not forgotten")

        secrets = [*keys.values(), *passwords.values(), *cluster.secret("lyceum-keys").values()]
        if any(value.decode() in cluster.said for value in secrets if value):
            bad.append("something secret was printed")
    return bad
