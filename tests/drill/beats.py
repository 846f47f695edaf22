"""A row a tenth of a second on every server, so that it shows afterwards up to which moment a restoration came."""

from __future__ import annotations

import os
import subprocess
from types import TracebackType

from fleet import Fleet, Server

TABLE = "create table beats (at timestamptz primary key)"
BEAT = "insert into beats values (clock_timestamp());"


class Beats:
    def __init__(self, fleet: Fleet) -> None:
        self.servers = list(fleet.servers.values())
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Beats:
        for server in self.servers:
            server.query(TABLE)
            beats = f"{BEAT}\n\\watch 0.1\n"
            child = subprocess.Popen(
                ["psql", "-XqAt", "-f", "-"],
                env={**os.environ, **server.environment()},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert child.stdin is not None
            child.stdin.write(beats.encode())
            child.stdin.close()
            self.running.append(child)
        return self

    def mark(self, server: Server) -> str:
        """The moment of a row that is committed."""
        return server.value(f"{BEAT} select clock_timestamp()")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self.running:
            child.kill()
            child.wait()
