"""A bucket of backups, reached by rclone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipeline import Broken, Pipeline, run
from settings import required


@dataclass(frozen=True)
class Manifest:
    """What a backup has to be."""

    kind: str
    target: str
    taken_at: str
    object: str
    bytes: int
    sha256: str

    def fields(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Store:
    """How to get into a bucket, or a folder of it."""

    remote: str
    bucket: str
    settings: dict[str, str]

    @classmethod
    def of(cls, prefix: str) -> Store:
        """By PREFIX{URL,REGION,BUCKET,ACCESS_KEY,SECRET_KEY}, and PREFIX ADDRESSING: `path` or `virtual`."""
        remote = prefix.rstrip("_")
        style = os.environ.get(f"{prefix}ADDRESSING", "path")
        fields = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": required(f"{prefix}URL"),
            "REGION": required(f"{prefix}REGION"),
            "ACCESS_KEY_ID": required(f"{prefix}ACCESS_KEY"),
            "SECRET_ACCESS_KEY": required(f"{prefix}SECRET_KEY"),
            "FORCE_PATH_STYLE": str(style == "path").lower(),
            # The key that backs up may not make buckets, and need not list them.
            "NO_CHECK_BUCKET": "true",
        }
        settings = {f"RCLONE_CONFIG_{remote}_{name}": value for name, value in fields.items()}
        return cls(remote, required(f"{prefix}BUCKET"), settings)

    def environment(self) -> dict[str, str]:
        # rclone cannot take its certificates from where the AWS tools have theirs, and stops.
        return {**self.settings, "RCLONE_CONFIG": "/dev/null", "HOME": "/tmp", "AWS_CA_BUNDLE": ""}

    def address(self, name: str = "") -> str:
        return f"{self.remote}:{self.bucket}/{name}"

    def command(self, arguments: list[str]) -> list[str]:
        certificates = os.environ.get("BACKUP_S3_CA_FILE")
        trusted = ["--ca-cert", certificates] if certificates else []
        return ["rclone", "--retries", "3", "--low-level-retries", "5", *trusted, *arguments]

    def rclone(self, arguments: list[str], stdin: bytes | None = None, beside: Store | None = None) -> bytes:
        environment = {**self.environment(), **(beside.environment() if beside else {})}
        return run(self.command(arguments), environment, stdin)

    def write(self, name: str, pipeline: Pipeline) -> tuple[int, str]:
        """Stores an output whole or not at all; gives its size and SHA-256."""
        command = self.command(["rcat", self.address(name)])
        upload = subprocess.Popen(command, env={**os.environ, **self.environment()}, stdin=subprocess.PIPE)
        size, digest = 0, hashlib.sha256()
        try:
            assert upload.stdin is not None
            for chunk in pipeline.chunks():
                upload.stdin.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            # Before the end of the upload is announced: what is half a dump must not become an object.
            pipeline.finish()
            upload.stdin.close()
        except (BrokenPipeError, Broken) as error:
            upload.kill()
            upload.wait()
            raise Broken(f"{name} was not stored: {error}") from error
        if upload.wait():
            raise Broken(f"{name} was not stored: rclone failed with status {upload.returncode}")
        return size, digest.hexdigest()

    def finish(self, manifest: Manifest) -> None:
        self.rclone(["rcat", self.address(f"{manifest.object}.json")], json.dumps(manifest.fields()).encode())

    def manifests(self) -> Iterator[Manifest]:
        arguments = ["lsf", "--recursive", "--files-only", "--include", "*.age.json", self.address()]
        for name in sorted(self.rclone(arguments).decode().splitlines()):
            yield Manifest(**json.loads(self.rclone(["cat", self.address(name)])))

    def check(self, manifest: Manifest) -> str | None:
        """What is wrong with a backup, if anything; it is read to its end."""
        size, digest = 0, hashlib.sha256()
        pipeline = Pipeline([(self.command(["cat", self.address(manifest.object)]), self.environment())])
        try:
            for chunk in pipeline.chunks():
                size += len(chunk)
                digest.update(chunk)
            pipeline.finish()
        except Broken:
            return "it cannot be read"
        finally:
            pipeline.close()
        if size != manifest.bytes:
            return f"it has {size} bytes instead of {manifest.bytes}"
        if digest.hexdigest() != manifest.sha256:
            return "its checksum is another one"
        return None
