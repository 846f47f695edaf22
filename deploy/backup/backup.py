#!/usr/bin/env python3
"""Backs up what a CronJob can reach: a database, the broker's definitions, the list of erasures, a bucket; and reads
it back.

    backup.py postgresql TARGET          a dump of one database
    backup.py rabbitmq                   users, queues, bindings and policies of the broker
    backup.py erasures                   who was erased, so that a restoration can erase them again
    backup.py objects                    what the school's bucket has and the copy lacks
    backup.py verify [--kind K]          the newest of each kind and target against its manifest; needs no key
    backup.py list
    backup.py show KIND TARGET --identity FILE [--at STAMP]                  in the clear, to standard output
    backup.py restore TARGET --identity FILE [--at STAMP]                    a dump into the database of BACKUP_DATABASE_URL

Everything but `objects` is encrypted here, for the recipients of BACKUP_RECIPIENTS_FILE: who backs up holds no key
that could read a backup. A backup counts only when its manifest is there, which is written last. Variables:
README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime

from pipeline import Broken, Command, Pipeline
from settings import broker, broker_opener, database, required
from store import Manifest, Store

STAMP = "%Y%m%dT%H%M%SZ"
# Rows of people who were erased; ids are pseudonymous and stay for ever.
ERASURES = "copy (select user_id, erased_at from users where state = 'erased' order by erased_at, user_id) to stdout"


def keep(
    store: Store, kind: str, target: str, suffix: str, plain: list[str] | bytes, environment: dict[str, str]
) -> None:
    """Encrypts a text, or what a command says, and stores it; nothing appears in the store when any part fails."""
    taken = datetime.now(UTC).strftime(STAMP)
    name = f"{kind}/{target}/{taken}{suffix}.age"
    encrypt: Command = (["age", "--encrypt", "--recipients-file", required("BACKUP_RECIPIENTS_FILE")], {})
    with closing(Pipeline.of(plain, environment, encrypt)) as pipeline:
        size, digest = store.write(name, pipeline)
    manifest = Manifest(kind, target, taken, name, size, digest)
    store.finish(manifest)
    say(event="backed up", **manifest.fields())


def postgresql(store: Store, target: str) -> None:
    command = ["pg_dump", "--format=custom", "--compress=6", "--lock-wait-timeout=60s"]
    keep(store, "postgresql", target, ".dump", command, database())


def rabbitmq(store: Store) -> None:
    url, authorization = broker()
    request = urllib.request.Request(url, headers={"Authorization": authorization})
    try:
        with broker_opener().open(request, timeout=60) as answer:
            definitions = answer.read()
    except urllib.error.URLError as error:
        raise Broken(f"the broker does not give its definitions: {error}") from error
    json.loads(definitions)
    keep(store, "rabbitmq", "definitions", ".json", definitions, {})


def erasures(store: Store) -> None:
    command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", ERASURES]
    keep(store, "erasures", "users", ".tsv", command, database())


def objects(store: Store) -> None:
    """Adds what is missing and never deletes: the copy's bucket keeps versions, and its lifecycle forgets."""
    source = Store.of("BACKUP_SOURCE_S3_")
    arguments = ["copy", "--checksum", "--no-update-modtime", "--fast-list", "--stats-one-line", "--stats=1m"]
    store.rclone([*arguments, source.address(), store.address("objects")], beside=source)
    say(event="backed up", kind="objects", target=source.bucket)


def verify(store: Store, kind: str | None) -> int:
    """Reads the newest of each kind and target to its end; says which are damaged or were never finished."""
    newest: dict[tuple[str, str], Manifest] = {}
    for manifest in store.manifests():
        if kind in (None, manifest.kind):
            newest[manifest.kind, manifest.target] = max(
                manifest, newest.get((manifest.kind, manifest.target), manifest), key=lambda found: found.taken_at
            )
    if not newest:
        raise Broken("there is no backup")
    damaged = 0
    for manifest in newest.values():
        wrong = store.check(manifest)
        damaged += wrong is not None
        say(event="damaged" if wrong else "sound", why=wrong, **manifest.fields())
    return 1 if damaged else 0


def find(store: Store, kind: str, target: str, at: str | None) -> Manifest:
    """The newest backup that is not younger than a moment."""
    found = [m for m in store.manifests() if (m.kind, m.target) == (kind, target) and (at is None or m.taken_at <= at)]
    if not found:
        raise Broken(f"there is no backup of {kind}/{target}" + (f" from before {at}" if at else ""))
    return max(found, key=lambda manifest: manifest.taken_at)


def read(
    store: Store, manifest: Manifest, identity: str, consumer: list[list[str]], environment: dict[str, str]
) -> bytes:
    """Hands a backup in the clear to a program; fails when it is damaged, or when the key is another one."""
    wrong = store.check(manifest)
    if wrong:
        raise Broken(f"{manifest.object}: {wrong}")
    commands = [(store.command(["cat", store.address(manifest.object)]), store.environment())]
    commands += [(["age", "--decrypt", "--identity", identity], {})]
    commands += [(command, environment) for command in consumer]
    with closing(Pipeline(commands)) as pipeline:
        output = b"".join(pipeline.chunks())
        pipeline.finish()
    return output


def restore(store: Store, target: str, identity: str, at: str | None) -> None:
    """All or nothing, into an empty database that belongs to the role of the address."""
    manifest = find(store, "postgresql", target, at)
    environment = database()
    command = ["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    read(store, manifest, identity, [[*command, f"--dbname={environment['PGDATABASE']}"]], environment)
    say(event="restored", **manifest.fields())


def say(**fields: object) -> None:
    print(json.dumps({name: value for name, value in fields.items() if value is not None}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("postgresql").add_argument("target")
    for verb in ("rabbitmq", "erasures", "objects", "list"):
        verbs.add_parser(verb)
    verbs.add_parser("verify").add_argument("--kind")
    show = verbs.add_parser("show")
    show.add_argument("kind")
    for reader in (show, verbs.add_parser("restore")):
        reader.add_argument("target")
        reader.add_argument("--identity", required=True)
        reader.add_argument("--at")
    words = parser.parse_args()
    os.umask(0o077)
    store = Store.of("BACKUP_S3_")
    match words.verb:
        case "postgresql":
            postgresql(store, words.target)
        case "rabbitmq":
            rabbitmq(store)
        case "erasures":
            erasures(store)
        case "objects":
            objects(store)
        case "verify":
            return verify(store, words.kind)
        case "list":
            for manifest in store.manifests():
                say(**manifest.fields())
        case "show":
            manifest = find(store, words.kind, words.target, words.at)
            sys.stdout.buffer.write(read(store, manifest, words.identity, [], {}))
        case "restore":
            restore(store, words.target, words.identity, words.at)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as broken:
        print(json.dumps({"event": "failed", "why": str(broken)}), file=sys.stderr)
        sys.exit(1)
