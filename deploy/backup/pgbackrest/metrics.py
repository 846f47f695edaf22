#!/usr/bin/env python3
"""Says to node_exporter's textfile collector how old the newest backup and the newest archived WAL of a stanza are.

pgbackrest-metrics STANZA [CONFIG]      writes a file in TEXTFILE_FOLDER, whole or not at all; nothing when the
repository is damaged
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def samples(stanza: str, info: list[dict[str, Any]], archived: str | None) -> list[str]:
    """Lines of the text format; nothing about what is not there, so that its absence shows."""
    labels = f'backup="pgbackrest-{stanza}"'
    found = [one for one in info if one["name"] == stanza and one["status"]["code"] == 0]
    backups = found[0]["backup"] if found else []
    lines = []
    if backups:
        last = backups[-1]
        started, stopped = last["timestamp"]["start"], last["timestamp"]["stop"]
        lines += [
            f"backup_last_success_timestamp_seconds{{{labels}}} {stopped}",
            f"backup_last_duration_seconds{{{labels}}} {stopped - started}",
            f"backup_last_size_bytes{{{labels}}} {last['info']['repository']['delta']}",
        ]
    if archived:
        lines.append(f"backup_wal_archived_timestamp_seconds{{{labels}}} {archived}")
    return lines


def main() -> None:
    stanza, *config = sys.argv[1:]
    base = ["pgbackrest", *[f"--config={file}" for file in config]]
    # Reads every file of the repository against its checksum. Its status is 0 whatever it finds, and it speaks only of
    # what is wrong; a part of an object that is not there is not waited for.
    patience = ["--output=text", "--io-timeout=15", "--job-retry=0"]
    verify = [*base, f"--stanza={stanza}", "verify", *patience]
    found = subprocess.run(verify, check=True, capture_output=True, text=True).stdout
    if "status: error" in found:
        sys.exit(f"the repository of {stanza} is damaged:\n{found}")
    info = json.loads(subprocess.run([*base, "info", "--output=json"], check=True, capture_output=True).stdout)
    query = "select extract(epoch from last_archived_time) from pg_stat_archiver"
    asked = subprocess.run(["psql", "-XAtc", query, "postgres"], check=True, capture_output=True, text=True)
    text = "\n".join(samples(stanza, info, asked.stdout.strip() or None)) + "\n"
    folder = Path(os.environ.get("TEXTFILE_FOLDER", "/var/lib/prometheus/node-exporter"))
    draft = folder / f".pgbackrest-{stanza}"
    draft.write_text(text, encoding="utf-8")
    draft.rename(folder / f"pgbackrest-{stanza}.prom")


if __name__ == "__main__":
    main()
