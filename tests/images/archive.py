"""An archive as another reader sees it: every digest is computed anew, every layer is unpacked by Python's own tar."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Wrong(Exception):
    """What a check found."""


def check(right: object, why: str) -> None:
    if not right:
        raise Wrong(why)


@dataclass
class Image:
    reference: str
    digest: str
    manifest: bytes
    configuration: dict[str, Any]
    blobs: dict[str, bytes]
    layers: list[bytes]  # unpacked tar files

    @property
    def compressed(self) -> int:
        return sum(layer["size"] for layer in json.loads(self.manifest)["layers"])

    @property
    def unpacked(self) -> int:
        return sum(len(layer) for layer in self.layers)

    def members(self) -> dict[str, tarfile.TarInfo]:
        found: dict[str, tarfile.TarInfo] = {}
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                found |= {member.name: member for member in tar.getmembers()}
        return found

    def file(self, path: str) -> bytes:
        for layer in reversed(self.layers):
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                if path in tar.getnames():
                    found = tar.extractfile(path)
                    check(found, f"{path} is no file")
                    return found.read() if found else b""
        raise Wrong(f"{path} is missing")

    def unpack(self, folder: Path) -> None:
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                tar.extractall(folder, numeric_owner=True)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read(path: Path) -> Image:
    """Reads an OCI layout, a folder or an archive, and holds what an archive says to Docker against that."""
    if path.is_dir():
        files = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    else:
        with tarfile.open(path) as tar:
            members = (member for member in tar.getmembers() if member.isfile())
            files = {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    check(json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}, "no OCI layout")
    blobs = {
        "sha256:" + name.rsplit("/", 1)[1]: data for name, data in files.items() if name.startswith("blobs/sha256/")
    }
    for digest, data in blobs.items():
        check(sha256(data) == digest, f"{digest} is the name of other bytes")
    (entry,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(blobs[entry["digest"]])
    check(entry["size"] == len(blobs[entry["digest"]]), "the size of the manifest")
    layers = []
    for layer in manifest["layers"]:
        check(layer["size"] == len(blobs[layer["digest"]]), "the size of a layer")
        layers.append(gzip.decompress(blobs[layer["digest"]]))
    configuration = json.loads(blobs[manifest["config"]["digest"]])
    check([sha256(layer) for layer in layers] == configuration["rootfs"]["diff_ids"], "the layers' contents")

    reference = entry["annotations"]["org.opencontainers.image.ref.name"]
    if path.is_dir():
        return Image(reference, entry["digest"], blobs[entry["digest"]], configuration, blobs, layers)
    (docker,) = json.loads(files["manifest.json"])
    check(docker["Config"] == "blobs/" + manifest["config"]["digest"].replace(":", "/"), "Docker's configuration")
    paths = ["blobs/" + layer["digest"].replace(":", "/") for layer in manifest["layers"]]
    check(docker["Layers"] == paths, "Docker's layers")
    check(reference.removeprefix("docker.io/") in docker["RepoTags"], "Docker's name")
    return Image(reference, entry["digest"], blobs[entry["digest"]], configuration, blobs, layers)
