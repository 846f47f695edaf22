"""A bucket, keys and stand-ins for the programs that the backup calls: what is tested is what ours does with them."""

import os
from pathlib import Path

import pytest
from store import Store

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the bucket of backups, in an environment as the chart gives it."""
    for name in [name for name in os.environ if name.startswith(("BACKUP_", "PG"))]:
        monkeypatch.delenv(name)
    (tmp_path / "recipients").write_text("officer\n")
    variables = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "BUCKETS": str(tmp_path),
        "BACKUP_RECIPIENTS_FILE": str(tmp_path / "recipients"),
        "BACKUP_DATABASE_URL": "postgres://courses:p%40ss@db.example:6432/courses?sslmode=require",
    }
    for prefix, name in (("BACKUP_S3_", "kept"), ("BACKUP_SOURCE_S3_", "school")):
        for field, value in {"URL": "https://s3.example", "REGION": "r", "ACCESS_KEY": "a", "SECRET_KEY": "s"}.items():
            variables[prefix + field] = value
        variables[f"{prefix}BUCKET"] = name
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


@pytest.fixture
def store(bucket: Path) -> Store:
    assert bucket.is_dir()
    return Store.of("BACKUP_S3_")


@pytest.fixture
def identity(tmp_path: Path) -> str:
    """The file of the key that opens what was encrypted for `officer`."""
    file = tmp_path / "identity"
    file.write_text("officer\n")
    return str(file)
