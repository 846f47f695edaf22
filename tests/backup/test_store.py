"""The bucket of backups: nothing half, and what is damaged is seen."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest
from pipeline import Broken, Pipeline
from store import Manifest, Store


def write(store: Store, command: list[str]) -> tuple[int, str]:
    with closing(Pipeline([(command, {})])) as pipeline:
        return store.write("some/name", pipeline)


def manifest(store: Store) -> Manifest:
    size, digest = write(store, ["printf", "whole"])
    return Manifest("kind", "target", "20260101T000000Z", "some/name", size, digest)


def test_an_output_is_stored_with_its_size_and_checksum(store: Store, bucket: Path) -> None:
    found = manifest(store)
    assert (bucket / "some/name").read_bytes() == b"whole"
    assert (found.bytes, found.sha256) == (5, hashlib.sha256(b"whole").hexdigest())
    assert store.check(found) is None


def test_half_an_output_never_becomes_an_object(store: Store, bucket: Path) -> None:
    with pytest.raises(Broken, match="some/name was not stored"):
        write(store, ["sh", "-c", "printf half; exit 1"])
    assert not (bucket / "some/name").exists()


def test_a_bucket_that_takes_nothing_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKETS_FULL", "yes")
    with pytest.raises(Broken, match="was not stored"):
        write(store, ["printf", "whole"])


def test_what_is_shorter_changed_or_gone_is_damaged(store: Store, bucket: Path) -> None:
    found = manifest(store)
    (bucket / "some/name").write_bytes(b"whol")
    assert store.check(found) == "it has 4 bytes instead of 5"
    (bucket / "some/name").write_bytes(b"while")
    assert store.check(found) == "its checksum is another one"
    (bucket / "some/name").unlink()
    assert store.check(found) == "it cannot be read"


def test_only_a_finished_backup_is_listed(store: Store, bucket: Path) -> None:
    (bucket / "postgresql").mkdir()
    (bucket / "postgresql/unfinished.dump.age").write_bytes(b"?")
    finished = Manifest("postgresql", "courses", "20260101T000000Z", "postgresql/courses.dump.age", 1, "0")
    store.finish(finished)
    assert list(store.manifests()) == [finished]


def test_the_way_of_addressing_is_said_to_rclone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.environment()["RCLONE_CONFIG_BACKUP_S3_FORCE_PATH_STYLE"] == "true"
    monkeypatch.setenv("BACKUP_S3_ADDRESSING", "virtual")
    assert Store.of("BACKUP_S3_").environment()["RCLONE_CONFIG_BACKUP_S3_FORCE_PATH_STYLE"] == "false"
    monkeypatch.setenv("BACKUP_S3_CA_FILE", "/ca.pem")
    assert "--ca-cert /ca.pem" in " ".join(store.command(["cat"]))
