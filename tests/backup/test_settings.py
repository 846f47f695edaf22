"""What the environment says."""

from base64 import b64decode
from pathlib import Path

import pytest
from pipeline import Broken
from settings import broker, database, required, secret


def test_a_variable_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("from a file\n")
    monkeypatch.setenv("WORD", "from the environment")
    assert secret("WORD") == "from the environment"
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "password"))
    assert secret("WORD") == "from a file"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "")
    with pytest.raises(Broken, match="WORD is not set"):
        required("WORD")
    monkeypatch.setenv("WORD_FILE", "/nowhere/at/all")
    with pytest.raises(Broken, match="WORD_FILE cannot be read"):
        required("WORD")


@pytest.mark.usefixtures("bucket")
def test_an_address_of_a_database_is_taken_apart() -> None:
    found = database()
    assert (found["PGHOST"], found["PGPORT"], found["PGUSER"]) == ("db.example", "6432", "courses")
    assert (found["PGPASSWORD"], found["PGDATABASE"]) == ("p@ss", "courses")


@pytest.mark.usefixtures("bucket")
def test_a_database_may_be_said_in_postgres_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKUP_DATABASE_URL")
    with pytest.raises(Broken):
        database()
    for name, value in {"PGHOST": "h", "PGDATABASE": "d", "PGUSER": "u", "BACKUP_DATABASE_PASSWORD": "p"}.items():
        monkeypatch.setenv(name, value)
    assert database()["PGPASSWORD"] == "p"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("amqp://school:p%40ss@mq/school", "http://mq:15672/api/definitions/school"),
        ("amqps://school:p%40ss@mq:5671/a%2Fb", "https://mq:15671/api/definitions/a%2Fb"),
        ("amqp://school:p%40ss@mq", "http://mq:15672/api/definitions/%2F"),
        ("https://school:p%40ss@mq.example:443/base/", "https://mq.example:443/base/api/definitions"),
    ],
)
def test_the_broker_is_asked_for_what_the_address_means(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: str
) -> None:
    monkeypatch.setenv("BACKUP_RABBITMQ_URL", address)
    url, authorization = broker()
    assert url == expected
    assert b64decode(authorization.removeprefix("Basic ")) == b"school:p@ss"


def test_another_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_RABBITMQ_URL", "redis://mq")
    with pytest.raises(Broken, match="none of"):
        broker()
