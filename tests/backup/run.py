#!/usr/bin/env python3
"""Tests of deploy/backup, each program by itself: `.ci/python tests/backup/run.py [argument of pytest…]`."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if __name__ == "__main__":
    sys.exit(
        pytest.main(["-c", str(HERE.parent / "pyproject.toml"), "-p", "no:cacheprovider", str(HERE), *sys.argv[1:]])
    )
