"""The fleet of the drill: started by the launcher, looked into and destroyed here."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from signal import Signals
from typing import Any, TypeVar

T = TypeVar("T")

SERVICES = ("users", "courses", "payments", "notifications", "documents", "analytics")
APART = ("users", "payments")
SUPERUSER = "lyceum"


class Failed(Exception):
    """A promise that was not kept."""


def eventually(what: str, ask: Callable[[], T | None], limit: float = 60) -> T:
    deadline = time.monotonic() + limit
    while True:
        if (answer := ask()) is not None:
            return answer
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not happen within {limit:.0f} s")
        time.sleep(0.05)


@dataclass(frozen=True)
class Server:
    """A database server."""

    name: str
    port: int
    password: str
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / self.name / "data"

    def environment(self, database: str = "postgres") -> dict[str, str]:
        login = {"PGUSER": SUPERUSER, "PGPASSWORD": self.password, "PGDATABASE": database}
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), **login, "PGCONNECT_TIMEOUT": "5"}

    def query(self, statements: str, database: str = "postgres") -> list[list[str]]:
        """Runs statements and gives the rows of those that have any."""
        command = ["psql", "-XqAt", "-F\t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        done = subprocess.run(
            command, env={**os.environ, **self.environment(database)}, input=statements, capture_output=True, text=True
        )
        if done.returncode:
            raise Failed(f"{self.name}/{database} refused: {done.stderr.strip()}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def value(self, statement: str, database: str = "postgres") -> str:
        return self.query(statement, database)[0][0]


class Fleet:
    def __init__(self, folder: Path, launcher: str, release: str | None) -> None:
        self.folder, self.launcher = folder, launcher
        # The folder of the Debian release that the stores are of, if it is not this machine's own.
        self.release = release

    def launch(self, *words: str, quiet: bool = True) -> None:
        """Has the launcher do something with this fleet."""
        command = [self.launcher, "--at", str(self.folder), *words]
        done = subprocess.run(command, stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Failed(f"`cargo fleet {' '.join(words)}` failed\n{done.stdout or ''}")

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        """Ports and secrets: each start may add some, and what is there stays the same."""
        state: dict[str, dict[str, Any]] = json.loads((self.folder / "state.json").read_text())
        return state

    @property
    def stores(self) -> Path:
        return (self.folder / "stores").resolve()

    @cached_property
    def servers(self) -> dict[str, Server]:
        names = ["postgres", *(f"postgres-{service}" for service in APART)]
        ports, secrets = self.state["ports"], self.state["secrets"]
        return {name: Server(name, ports[name], secrets[name], self.stores) for name in names}

    def server_of(self, service: str) -> Server:
        return self.servers[f"postgres-{service}" if service in APART else "postgres"]

    def query(self, service: str, statements: str) -> list[list[str]]:
        return self.server_of(service).query(statements, service)

    def value(self, service: str, statement: str) -> str:
        return self.server_of(service).value(statement, service)

    def as_owner(self) -> list[str]:
        """What stands before a program of the database servers: they run as another user when the launcher runs as root,
        and may be of another Debian release."""
        if os.geteuid():
            return []
        owner = self.stores.stat()
        if self.release:
            return [f"{self.release}/enter", f"{owner.st_uid}:{owner.st_gid}"]
        return ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.state['ports']['gateway.http']}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.state['ports']['sandbox.http']}"

    @property
    def management(self) -> str:
        return f"http://{SUPERUSER}:{self.state['secrets']['rabbitmq']}@127.0.0.1:{self.state['ports']['rabbitmq.management']}"

    @property
    def s3(self) -> dict[str, str]:
        s3: dict[str, str] = json.loads((self.folder / "stores.json").read_text())["s3"]
        return s3

    def pids(self, *names: str) -> dict[str, int]:
        """Of those that run; of the services if none is named."""
        records = json.loads((self.folder / "processes.json").read_text())
        wanted = [r for r in records if (r["name"] in names if names else r["role"] == "service")]
        return {record["name"]: record["pid"] for record in wanted if alive(record["pid"])}

    def signal(self, number: Signals, *names: str) -> None:
        for pid in self.pids(*names).values():
            os.kill(pid, number)

    def end(self, number: Signals, *names: str) -> None:
        """Ends processes and waits until they are gone."""
        pids = self.pids(*names).values()
        self.signal(number, *names)
        eventually(f"the end of {', '.join(names) or 'the services'}", lambda: None if any(map(alive, pids)) else True)

    def destroy(self) -> None:
        """Every store and service dies without warning, and all that they kept is gone; only the object store is
        elsewhere."""
        self.end(Signals.SIGKILL)
        self.end(Signals.SIGKILL, *self.servers, "redis", "rabbitmq", "epmd")
        for name in (*self.servers, "redis", "rabbitmq"):
            shutil.rmtree(self.stores / name)

    def run(self, service: str, *words: str) -> str:
        """A verb of a service that runs, with the same environment, as `kubectl exec` does it."""
        pid = self.pids(service)[service]
        pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
        environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        program = json.loads((self.folder / "programs.json").read_text())[service]
        done = subprocess.run([program, *words], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"`{service} {' '.join(words)}` failed\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr


def words_of(process: subprocess.Popen[str]) -> str:
    """What was called, for a message."""
    return shlex.join(process.args) if isinstance(process.args, list) else str(process.args)


def alive(pid: int) -> bool:
    """A process that ended and that nobody has waited for yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
