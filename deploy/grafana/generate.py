#!/usr/bin/env python3
"""Makes Grafana's dashboards of boards/*.py. Needs nothing but Python.

generate.py            writes dashboards/*.json and the chart's copies of them
generate.py --check    says what is not as it would be written
"""

import json
import sys
from pathlib import Path

from boards import business, dependencies, gateway, kubernetes, overview, service

HERE = Path(__file__).resolve().parent
DASHBOARDS = HERE / "dashboards"
CHART = HERE.parents[1] / "helm/lyceum/files/dashboards"
BOARDS = [overview.BOARD, gateway.BOARD, service.BOARD, dependencies.BOARD, business.BOARD, kubernetes.BOARD]


def files() -> dict[str, str]:
    """What is written, by the file's name."""
    return {f"{board['uid']}.json": json.dumps(board, indent=2, ensure_ascii=False) + "\n" for board in BOARDS}


def stale() -> list[Path]:
    """Files that are not as they would be written, and files that would not be written."""
    wanted = {folder / name: text for folder in (DASHBOARDS, CHART) for name, text in files().items()}
    there = {path for folder in (DASHBOARDS, CHART) for path in folder.glob("*.json")}
    differing = {path for path, text in wanted.items() if not path.exists() or path.read_text() != text}
    return sorted(differing | (there - wanted.keys()))


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        if old := stale():
            raise SystemExit("run deploy/grafana/generate.py: " + ", ".join(str(path) for path in old))
        return
    for folder in (DASHBOARDS, CHART):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        for name, content in files().items():
            (folder / name).write_text(content)


if __name__ == "__main__":
    main()
