"""A real S3 server of its own, SeaweedFS from PyPI, for the state's lock and the buckets' settings."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KEY, SECRET, REGION = "terraform", "terraform-secret", "ru-7"
# A program that may do what the bucket's policy says, and nothing else.
BACKUP = "backup"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Store:
    """The server; it lives as long as the `with` block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "seaweedfs"
        self.folder.mkdir()
        self.ports = free_ports(8)
        self.url = f"http://127.0.0.1:{self.ports[6]}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Store":
        identities = self.folder / "s3.json"
        actions = ["Admin", "Read", "List", "Tagging", "Write"]
        identity = {"name": "terraform", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": actions}
        credentials = [{"accessKey": BACKUP, "secretKey": f"{BACKUP}-secret"}]
        nobody = {"name": BACKUP, "credentials": credentials, "actions": []}
        identities.write_text(json.dumps({"identities": [identity, nobody]}))
        names = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "s3.port",
            "s3.port.grpc",
        ]
        command = [
            str(Path(sys.executable).with_name("weed")),
            "-logtostderr=true",
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={self.folder}",
            "-s3",
            f"-s3.config={identities}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-webdav=false",
            *(f"-{name}={port}" for name, port in zip(names, self.ports, strict=True)),
        ]
        log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        until = time.monotonic() + 60
        while True:
            try:
                self.client().list_buckets()
                return self
            except Exception as error:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(
                        f"the S3 server did not start: {error}\n{(self.folder / 'log').read_text()[-2000:]}"
                    ) from error
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()

    def client(self, key: str = KEY) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=f"{key}-secret",
        )

    @staticmethod
    def environment() -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
