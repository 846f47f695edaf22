"""Debian's registry on a port of this machine, and what it holds."""

import json
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archive import Image, check, sha256
from sandboxed import eventually


@contextmanager
def registry() -> Iterator[str]:
    """Runs an empty one and gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": f"127.0.0.1:{port}"},
        }
        # JSON is YAML, too.
        (folder / "config.yml").write_text(json.dumps(settings))
        with (folder / "log").open("w") as log:
            command = ["docker-registry", "serve", str(folder / "config.yml")]
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}/v2/"), child)
            yield f"127.0.0.1:{port}"
        finally:
            child.terminate()
            child.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def holds(address: str, image: Image) -> None:
    """Fetches the image as a node would: by its tag, then blob by blob."""
    name, tag = image.reference.removeprefix("docker.io/").rsplit(":", 1)
    manifest = fetch(f"http://{address}/v2/{name}/manifests/{tag}", json.loads(image.manifest)["mediaType"])
    check(sha256(manifest) == image.digest, f"the registry holds {sha256(manifest)} as {name}:{tag}")
    wanted = json.loads(manifest)
    for part in [wanted["config"], *wanted["layers"]]:
        check(
            sha256(fetch(f"http://{address}/v2/{name}/blobs/{part['digest']}")) == part["digest"],
            "a blob of the registry's",
        )


def fetch(url: str, accept: str = "*/*") -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=30) as answer:
        return bytes(answer.read())
