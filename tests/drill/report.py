"""What the drill did and how long it took: lines as it goes, a table at the end, and metrics for Prometheus."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Report:
    def __init__(self, folder: Path) -> None:
        self.folder, self.begun = folder, time.time()
        self.noted = ""
        self.recovery: dict[str, float] = {}
        self.rpo: float | None = None
        self.closing: list[Callable[[], None]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started, self.noted = time.monotonic(), ""
        mark = "✗"
        try:
            yield
            mark = "✓"
        finally:
            print(f"  {mark} {name:<42} {time.monotonic() - started:6.1f} s  {self.noted}".rstrip(), flush=True)

    def note(self, text: str) -> None:
        self.noted = text

    def at_the_end(self, close: Callable[[], None]) -> None:
        self.closing.append(close)

    def measure(self, what: str, since: float) -> None:
        """A recovery time: from the loss of everything on."""
        self.recovery[what] = time.time() - since

    def lost(self, last: float, destroyed: float) -> None:
        """A recovery point: from the last change that the archive holds to the loss of everything."""
        self.rpo = destroyed - last
        self.note(f"{self.rpo:.1f} s")

    def finish(self, archived_every: str) -> None:
        print(f"\n  {'RPO':<5}{'the end of the archive, archived every ' + archived_every:<48}{self.rpo:6.1f} s")
        for what, took in self.recovery.items():
            print(f"  {'RTO':<5}{what:<48}{took:6.1f} s")
        print(f"\n  the whole drill: {time.time() - self.begun:.0f} s; metrics: {self.folder / 'drill.prom'}")
        self.write(passed=True)

    def fail(self) -> None:
        self.write(passed=False)

    def write(self, passed: bool) -> None:
        """In the text format, for node_exporter's textfile collector; also into TEXTFILE_FOLDER, if there is one."""
        now = time.time()
        lines = [f"restore_drill_last_outcome {int(passed)}", f"restore_drill_duration_seconds {now - self.begun:.1f}"]
        if passed:
            lines.append(f"restore_drill_last_success_timestamp_seconds {now:.0f}")
            lines.append(f"restore_drill_rpo_seconds {self.rpo:.1f}")
            lines += [f'restore_drill_rto_seconds{{until="{what}"}} {took:.1f}' for what, took in self.recovery.items()]
        for folder in filter(None, [str(self.folder), os.environ.get("TEXTFILE_FOLDER")]):
            draft = Path(folder, ".drill.prom")
            draft.write_text("\n".join(lines) + "\n")
            draft.rename(Path(folder, "drill.prom"))

    def close(self) -> None:
        for close in reversed(self.closing):
            close()
