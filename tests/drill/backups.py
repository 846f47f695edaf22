"""What lies in the object store beside the archive, and the secrets that read it all: by deploy/backup's own
programs."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from archive import BUCKET, DEPLOY
from fleet import SERVICES, Failed, Fleet, words_of

# The school's own bucket.
SCHOOL = "lyceum"
OFFICERS = ("olga", "ivan", "pavel")


class Backups:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.folder = fleet.folder / "backup"
        self.ciphers: dict[str, str] = {}

    def prepare(self) -> None:
        """The bucket and the keys."""
        self.folder.mkdir(mode=0o700)
        if self.fleet.release:
            # As the image of the backup, the client is not older than the server.
            client = self.folder / "pg_dump"
            # Not Debian's wrapper, which would look for the client of this machine's own servers.
            [program] = Path(self.fleet.release).glob("usr/lib/postgresql/*/bin/pg_dump")
            words = shlex.join([f"{self.fleet.release}/enter", "0:0", f"/{program.relative_to(self.fleet.release)}"])
            client.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            client.chmod(0o755)
        self.rclone("mkdir", f"S:{BUCKET}")
        recipient = self.make_key("identity.txt")
        (self.folder / "recipients.txt").write_text(recipient + "\n")
        self.ciphers = {name: secrets.token_urlsafe(48) for name in self.fleet.servers}

    def seal(self) -> None:
        """Puts into escrow what a restoration needs and no backup holds: the keys of the backups, and that of the
        users service."""
        kept = {
            "identity": (self.folder / "identity.txt").read_text(),
            "ciphers": self.ciphers,
            "key-secret": (self.fleet.folder / "keys/users.secret").read_text(),
        }
        words = [f"{officer}={self.make_key(f'officer-{officer}.key')}" for officer in OFFICERS]
        box = self.program("escrow.py", "seal", *(f"--officer={word}" for word in words), given=json.dumps(kept))
        (self.folder / "escrow.json").write_text(box)

    def make_key(self, name: str) -> str:
        """Makes a key and gives its public half."""
        file = str(self.folder / name)
        subprocess.run(["age-keygen", "-o", file], check=True, capture_output=True)
        return subprocess.run(["age-keygen", "-y", file], check=True, capture_output=True, text=True).stdout.strip()

    def forget_secrets(self) -> None:
        """With the servers, every key in the clear is gone: officers have theirs, and the box is in the safe."""
        (self.folder / "identity.txt").unlink()
        (self.fleet.folder / "keys/users.secret").unlink()
        self.ciphers = {}
        for file in self.fleet.stores.glob("pgbackrest-*.conf"):
            file.unlink()

    def open_escrow(self) -> dict[str, Any]:
        """Two of the three officers."""
        words = [f"--officer={name}={self.folder}/officer-{name}.key" for name in OFFICERS[1:]]
        kept: dict[str, Any] = json.loads(self.program("escrow.py", "open", *words, str(self.folder / "escrow.json")))
        identity = self.folder / "identity.txt"
        identity.write_text(kept["identity"])
        identity.chmod(0o600)
        key_secret = self.fleet.folder / "keys/users.secret"
        key_secret.write_text(kept["key-secret"])
        key_secret.chmod(0o600)
        return kept

    def environment(self, service: str | None = None) -> dict[str, str]:
        s3 = self.fleet.s3
        told = {
            "BACKUP_S3_URL": s3["url"], "BACKUP_S3_REGION": s3["region"], "BACKUP_S3_BUCKET": f"{BUCKET}/logical",
            "BACKUP_S3_ACCESS_KEY": s3["access_key"], "BACKUP_S3_SECRET_KEY": s3["secret_key"],
            "BACKUP_RECIPIENTS_FILE": str(self.folder / "recipients.txt"), "BACKUP_RABBITMQ_URL": self.fleet.management,
        }  # fmt: skip
        source = {
            f"BACKUP_SOURCE_S3_{name}": told[f"BACKUP_S3_{name}"]
            for name in ("URL", "REGION", "ACCESS_KEY", "SECRET_KEY")
        }
        told |= {**source, "BACKUP_SOURCE_S3_BUCKET": SCHOOL}
        if service:
            server = self.fleet.server_of(service)
            password = self.fleet.state["secrets"][f"database.{service}"]
            # As the service's own role, as the CronJob does it.
            told["BACKUP_DATABASE_URL"] = f"postgres://{service}:{password}@127.0.0.1:{server.port}/{service}"
        return {**os.environ, **told, "PATH": f"{self.folder}:{os.environ['PATH']}"}

    def start(self, name: str, *words: str, service: str | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, str(DEPLOY / name), *words]
        environment = self.environment(service) if name == "backup.py" else None
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    def program(self, name: str, *words: str, service: str | None = None, given: str | None = None) -> str:
        return said(self.start(name, *words, service=service), given)

    def rclone(self, *words: str, given: bytes | None = None) -> bytes:
        s3 = self.fleet.s3
        fields = {
            "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": s3["url"], "REGION": s3["region"], "FORCE_PATH_STYLE": "true",
            "ACCESS_KEY_ID": s3["access_key"], "SECRET_ACCESS_KEY": s3["secret_key"],
        }  # fmt: skip
        environment = {f"RCLONE_CONFIG_S_{name}": value for name, value in fields.items()}
        environment |= {**os.environ, "RCLONE_CONFIG": "/dev/null", "AWS_CA_BUNDLE": ""}
        return subprocess.run(
            ["rclone", *words], env=environment, input=given, check=True, stdout=subprocess.PIPE
        ).stdout

    def take_all(self) -> None:
        jobs = [self.start("backup.py", "postgresql", service, service=service) for service in SERVICES]
        jobs += [self.start("backup.py", "rabbitmq"), self.start("backup.py", "erasures", service="users")]
        jobs += [self.start("backup.py", "objects")]
        for job in jobs:
            said(job)
        self.program("backup.py", "verify")

    def files(self) -> list[str]:
        """What is in the school's bucket, each with its size and checksum."""
        return sorted(self.rclone("lsf", "-R", "--files-only", "--format=psh", f"S:{SCHOOL}").decode().splitlines())

    def lose_files(self) -> None:
        self.rclone("delete", f"S:{SCHOOL}")

    def bring_files_back(self) -> None:
        self.rclone("copy", "--checksum", f"S:{BUCKET}/logical/objects", f"S:{SCHOOL}")

    def list(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.program("backup.py", "list").splitlines()]

    def size(self) -> int:
        return sum(manifest["bytes"] for manifest in self.list())

    def show(self, kind: str, target: str) -> str:
        return self.program("backup.py", "show", kind, target, "--identity", str(self.folder / "identity.txt"))


def said(process: subprocess.Popen[str], given: str | None = None) -> str:
    output, errors = process.communicate(given)
    if process.returncode:
        raise Failed(f"{words_of(process)} failed: {errors.strip()}{output[-5000:]}")
    return output
