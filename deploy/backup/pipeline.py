"""Programs one after another, each reading what the one before says; one that fails makes the whole fail."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

Command = tuple[list[str], dict[str, str]]

CHUNK = 1 << 20


class Broken(Exception):
    """Something that an operator has to look at."""


def run(command: list[str], environment: dict[str, str] | None = None, stdin: bytes | None = None) -> bytes:
    """Runs one program to its end and gives what it says."""
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, input=stdin, capture_output=True)
    if done.returncode:
        raise Broken(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return done.stdout


class Pipeline:
    """Its output is read in chunks; only `finish` says whether it was the whole."""

    def __init__(self, commands: list[Command], first: IO[bytes] | None = None) -> None:
        self.names: list[str] = []
        self.children: list[subprocess.Popen[bytes]] = []
        before = first
        for command, environment in commands:
            child = subprocess.Popen(
                command, env={**os.environ, **environment}, stdin=before or subprocess.DEVNULL, stdout=subprocess.PIPE
            )
            if before:
                before.close()  # So that a program whose reader is gone hears of it.
            before = child.stdout
            self.names.append(command[0])
            self.children.append(child)

    @classmethod
    def of(cls, plain: list[str] | bytes, environment: dict[str, str], *then: Command) -> Pipeline:
        """Begins with a command, or with a text, which lies in a file without a name meanwhile."""
        if isinstance(plain, list):
            return cls([(plain, environment), *then])
        file = tempfile.TemporaryFile()  # noqa: SIM115 — the first program of the pipeline reads it.
        file.write(plain)
        file.seek(0)
        return cls(list(then), file)

    def chunks(self) -> Iterator[bytes]:
        output = self.children[-1].stdout
        assert output is not None
        while chunk := output.read(CHUNK):
            yield chunk

    def finish(self) -> None:
        statuses = [child.wait() for child in self.children]
        # The last that failed is the cause as a rule: those before it die of its pipe.
        for name, status in reversed(list(zip(self.names, statuses, strict=True))):
            if status:
                raise Broken(f"{name} failed with status {status}")

    def close(self) -> None:
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
            if child.stdout:
                child.stdout.close()
