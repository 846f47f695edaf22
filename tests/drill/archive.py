"""The archive of the database servers: pgBackRest with the very configuration that deploy/backup gives to a server
of one's own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fleet import SUPERUSER, Failed, Fleet, Server, words_of

DEPLOY = Path(__file__).parents[2] / "deploy/backup"
BUCKET = "backups"


@dataclass(frozen=True)
class Front:
    """TLS before the object store, which pgBackRest insists on."""

    process: subprocess.Popen[bytes]
    port: int
    certificate: Path

    @classmethod
    def open(cls, fleet: Fleet, port: int, behind: int) -> Front:
        key, config = fleet.folder / "front.key", fleet.folder / "front.conf"
        # Where the stores' user can read it, who cannot enter a clone below /root.
        certificate = fleet.stores / "front.pem"
        names = "subjectAltName=DNS:127.0.0.1,IP:127.0.0.1"
        subject = ["-subj", "/CN=127.0.0.1", "-addext", names, "-days", "2", "-nodes"]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command = ["openssl", "req", "-x509", *curve, *subject, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        listen = f"accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{behind}\ncert = {certificate}\nkey = {key}\n"
        config.write_text(f"foreground = yes\npid =\ndebug = warning\n[s3]\n{listen}")
        log = (fleet.folder / "logs/front.log").open("wb")
        certificate.chmod(0o644)
        return cls(subprocess.Popen(["stunnel4", str(config)], stdout=log, stderr=log), port, certificate)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


class Archive:
    def __init__(self, fleet: Fleet, front: Front) -> None:
        self.fleet, self.front = fleet, front

    def config(self, server: Server) -> Path:
        return self.fleet.stores / f"pgbackrest-{server.name}.conf"

    def fill(self, template: str, server: Server, cipher: str, data: Path) -> str:
        s3 = self.fleet.s3
        values = {
            "STANZA": server.name, "S3_ENDPOINT": "127.0.0.1", "S3_REGION": s3["region"], "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY": s3["access_key"], "S3_SECRET_KEY": s3["secret_key"], "CIPHER_PASS": cipher,
            "LOCK_PATH": str(self.fleet.stores / "lock"), "PG_DATA": str(data), "PG_PORT": str(server.port),
            "PG_USER": SUPERUSER, "CONFIG": str(self.config(server)),
        }  # fmt: skip
        text = (DEPLOY / "pgbackrest" / template).read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text

    def configure(
        self, server: Server, cipher: str, data: Path | None = None, path: Path | None = None, root: str = ""
    ) -> Path:
        """Writes the server's configuration. The drill's own lines say where the object store is reached instead."""
        path = path or self.config(server)
        text = self.fill("pgbackrest.conf", server, cipher, data or server.data)
        front = f"repo1-storage-host=127.0.0.1\nrepo1-storage-port={self.front.port}\nrepo1-storage-ca-file={self.front.certificate}\n"
        text = text.replace("[global]\n", f"[global]\n{front}", 1)
        if root:
            text = text.replace(f"repo1-path=/{server.name}", f"repo1-path=/{root}")
        path.write_text(text)
        path.chmod(0o600)
        owner = self.fleet.stores.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
        return path

    def switch_on(self, server: Server, timeout: str) -> None:
        """Applies the settings that every server needs; it has to be started again."""
        text = self.fill("postgresql.conf", server, "", server.data)
        pairs = [line.partition("=") for line in text.splitlines() if line and not line.startswith("#")]
        settings = {name.strip(): value.strip() for name, _, value in pairs} | {"archive_timeout": timeout}
        quoted = {name: value if value.startswith("'") else f"'{value}'" for name, value in settings.items()}
        server.query("\n".join(f"alter system set {name} = {value};" for name, value in quoted.items()))

    def start(self, server: Server, *words: str, config: Path | None = None) -> subprocess.Popen[str]:
        command = ["pgbackrest", f"--config={config or self.config(server)}", f"--stanza={server.name}", *words]
        environment = {**os.environ, **server.environment(), "HOME": str(self.fleet.stores)}
        return subprocess.Popen(
            [*self.fleet.as_owner(), *command],
            env=environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def run(self, server: Server, *words: str, config: Path | None = None) -> str:
        return finish(self.start(server, *words, config=config))

    def run_all(self, *words: str) -> str:
        """On every server at once, as their own timers do it."""
        started = [self.start(server, *words) for server in self.fleet.servers.values()]
        return "".join(map(finish, started))

    def restore(
        self, server: Server, *words: str, config: Path | None = None, data: Path | None = None
    ) -> subprocess.Popen[str]:
        data = data or server.data
        data.mkdir(parents=True, mode=0o700)
        owner = self.fleet.stores.stat()
        for folder in (data.parent, data):
            os.chown(folder, owner.st_uid, owner.st_gid)
            folder.chmod(0o700)
        # The restored server is another one until somebody says that it is the server: it must not write into the
        # archive.
        return self.start(server, "restore", "--archive-mode=off", *words, config=config)


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate()
    if process.returncode:
        raise Failed(f"{words_of(process)} failed with status {process.returncode}\n{output[-3000:]}")
    return output
