"""The verbs of backup.py, from the command line as a CronJob calls them."""

import json
import sys
from pathlib import Path
from typing import Any

import backup
import pytest
from pipeline import Broken
from store import Manifest, Store


class Shell:
    """Calls backup.py and reads what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capture = monkeypatch, capture
        self.status = 0

    def __call__(self, *words: str) -> list[dict[str, Any]]:
        self.monkeypatch.setattr(sys, "argv", ["backup.py", *words])
        self.status = backup.main()
        return [json.loads(line) for line in self.capture.readouterr().out.splitlines()]


@pytest.fixture
def shell(bucket: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    assert bucket.is_dir()
    return Shell(monkeypatch, capsys)


def test_a_dump_is_kept_encrypted_and_its_manifest_last(shell: Shell, bucket: Path) -> None:
    [said] = shell("postgresql", "courses")
    assert (said["event"], said["kind"], said["target"]) == ("backed up", "postgresql", "courses")
    kept = (bucket / said["object"]).read_bytes()
    assert kept == b"age for officer\nrows of courses on db.example as courses\n"
    assert json.loads((bucket / f"{said['object']}.json").read_text())["sha256"] == said["sha256"]
    assert [one["object"] for one in shell("list")] == [said["object"]]


def test_a_dump_that_breaks_off_leaves_nothing(shell: Shell, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUMP_STATUS", "1")
    with pytest.raises(Broken, match="pg_dump failed"):
        shell("postgresql", "courses")
    assert not list(bucket.iterdir())


def test_erasures_are_a_list_of_their_own(shell: Shell, bucket: Path) -> None:
    [said] = shell("erasures")
    assert said["object"].startswith("erasures/users/")
    assert (bucket / said["object"]).exists()


def test_files_are_added_and_never_deleted(shell: Shell, bucket: Path) -> None:
    school = bucket.parent / "school"
    school.mkdir()
    (school / "paper.pdf").write_bytes(b"paper")
    shell("objects")
    (school / "paper.pdf").unlink()
    shell("objects")
    assert (bucket / "objects/paper.pdf").read_bytes() == b"paper"


def test_the_newest_of_each_kind_is_verified(shell: Shell, store: Store, bucket: Path) -> None:
    with pytest.raises(Broken, match="there is no backup"):
        shell("verify")
    [old] = shell("postgresql", "courses")
    younger = {**old, "taken_at": "29990101T000000Z", "bytes": 1}
    del younger["event"]
    store.finish(Manifest(**{**younger, "object": f"{old['object']}.b.age"}))
    [found] = shell("verify")
    assert (found["event"], found["why"], shell.status) == ("damaged", "it cannot be read", 1)
    (bucket / f"{old['object']}.b.age.json").unlink()
    [found] = shell("verify", "--kind", "postgresql")
    assert (found["event"], shell.status) == ("sound", 0)


def test_a_dump_is_restored_into_the_database_of_the_address(
    shell: Shell, identity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTORED", str(tmp_path / "restored"))
    shell("postgresql", "courses")
    [said] = shell("restore", "courses", "--identity", identity)
    assert said["event"] == "restored"
    assert (tmp_path / "restored").read_text() == "rows of courses on db.example as courses\n"


def test_neither_another_key_nor_a_damaged_dump_is_restored(
    shell: Shell, identity: str, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTORED", str(tmp_path / "restored"))
    [said] = shell("postgresql", "courses")
    Path(identity).write_text("somebody else")
    with pytest.raises(Broken, match="age failed"):
        shell("restore", "courses", "--identity", identity)
    Path(identity).write_text("officer")
    (bucket / said["object"]).write_bytes(b"age for officer\nhalf")
    with pytest.raises(Broken, match="instead of"):
        shell("restore", "courses", "--identity", identity)


def test_a_moment_chooses_the_newest_before_it(store: Store) -> None:
    for stamp in ("20260101T000000Z", "20260103T000000Z"):
        store.finish(Manifest("postgresql", "users", stamp, f"postgresql/users/{stamp}.age", 1, "0"))
    assert backup.find(store, "postgresql", "users", None).taken_at == "20260103T000000Z"
    assert backup.find(store, "postgresql", "users", "20260102T000000Z").taken_at == "20260101T000000Z"
    with pytest.raises(Broken, match="from before"):
        backup.find(store, "postgresql", "users", "20251231T000000Z")
    with pytest.raises(Broken, match="there is no backup of postgresql/payments"):
        backup.find(store, "postgresql", "payments", None)


def test_what_is_kept_of_the_broker_is_json(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_RABBITMQ_URL", "http://guest:guest@127.0.0.1:1")
    with pytest.raises(Broken, match="the broker does not give its definitions"):
        shell("rabbitmq")
