"""What node_exporter is told of pgBackRest."""

from typing import Any

import metrics


def stanza(name: str, *backups: tuple[int, int], code: int = 0) -> dict[str, Any]:
    told = [
        {"timestamp": {"start": start, "stop": stop}, "info": {"repository": {"delta": stop - start}}}
        for start, stop in backups
    ]
    return {"name": name, "status": {"code": code}, "backup": told}


def test_the_newest_backup_of_the_stanza_is_told() -> None:
    info = [stanza("users", (1, 2)), stanza("payments", (10, 15), (100, 130))]
    assert metrics.samples("payments", info, "1700000000.5") == [
        'backup_last_success_timestamp_seconds{backup="pgbackrest-payments"} 130',
        'backup_last_duration_seconds{backup="pgbackrest-payments"} 30',
        'backup_last_size_bytes{backup="pgbackrest-payments"} 30',
        'backup_wal_archived_timestamp_seconds{backup="pgbackrest-payments"} 1700000000.5',
    ]


def test_what_is_not_there_is_not_told() -> None:
    assert metrics.samples("payments", [stanza("users", (1, 2))], None) == []
    assert metrics.samples("payments", [stanza("payments")], None) == []


def test_a_stanza_with_an_error_counts_as_none() -> None:
    assert metrics.samples("payments", [stanza("payments", (1, 2), code=2)], None) == []
