"""The load: one process that keeps asking at a fixed rate, and is told which phase has begun."""

import json
import os
import subprocess
from typing import Any

from kube import Failed

PROGRAM = os.environ.get("LYCEUM_LOAD_PROGRAM", "target/debug/load")


class Load:
    """Reads and writes through the gateway, at so many a second."""

    def __init__(self, rate: int) -> None:
        self.rate, self.book = rate, None
        command = [PROGRAM, "steady", "--longest", "3600"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._line() != "ready":
            raise Failed("the load could not be prepared: what it says stands above")

    def begin(self, phase: str, rate: int | None = None) -> None:
        """What is due from now on belongs to this phase; a rate of 0 is a rest."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{phase} {self.rate if rate is None else rate}\n")
        self.process.stdin.flush()

    def rest(self) -> None:
        self.begin("rest", 0)

    def end(self) -> dict[str, Any]:
        """Waits for what is in flight; gives phases and failures."""
        if self.book is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.book = json.loads(self._line() or "{}")
            self.process.wait(60)
        if not self.book:
            raise Failed("the load ended before its time")
        return self.book

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()
