"""The way back, in the order of deploy/backup/DISASTER.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archive import BUCKET, Archive, finish
from backups import Backups
from counts import demand
from fleet import Failed, Fleet, Server, eventually
from people import Person, people
from report import Report


def broker(fleet: Fleet, method: str, path: str, body: Any = None) -> Any:
    parts = urlsplit(fleet.management)
    login = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    headers = {"authorization": f"Basic {login}", "content-type": "application/json"}
    url = f"http://{parts.hostname}:{parts.port}/api/{path}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=120) as answer:
        return json.loads(answer.read() or b"null")


def definitions(fleet: Fleet) -> dict[str, list[str]]:
    """What the broker knows, but for what changes by itself."""
    said = broker(fleet, "GET", "definitions")
    kinds = ("vhosts", "permissions", "policies", "exchanges", "queues", "bindings")
    return {kind: sorted(json.dumps(one, sort_keys=True) for one in said[kind]) for kind in kinds}


def restore(fleet: Fleet, archive: Archive, backups: Backups, at: str, report: Report) -> dict[str, Any]:
    """Keys out of the escrow, every server to the same moment, the broker's definitions; gives the keys."""
    with report.step("keys from the escrow: two of three officers"):
        secrets = backups.open_escrow()
    with report.step("database servers, each to the moment"):
        started = []
        for server in fleet.servers.values():
            archive.configure(server, secrets["ciphers"][server.name])
            started.append(archive.restore(server, "--type=time", f"--target={at}", "--target-action=promote"))
        for process in started:
            finish(process)
        # Each replays its WAL up to the moment and opens for writing; Redis begins empty, and so does the broker.
        fleet.launch("stores")
    with report.step("the broker's definitions"):
        broker(fleet, "POST", "definitions", json.loads(backups.show("rabbitmq", "definitions")))
    return secrets


def start(fleet: Fleet, before: dict[str, list[str]]) -> None:
    wrong = {kind: set(before[kind]) ^ set(now) for kind, now in definitions(fleet).items() if before[kind] != now}
    demand(not wrong, f"the broker knows something else than before: {wrong}")
    fleet.launch("up", "--detach")


def catch_up(
    fleet: Fleet, backups: Backups, secrets: dict[str, Any], waiting: str, erased_person: Person, at: str
) -> None:
    """What restored databases cannot know: messages that were in the broker, and who was erased after the moment."""
    missing = f"select count(*) from entitlements where order_id = '{waiting}'"
    demand(fleet.value("payments", missing) == "1", "payments lost an order that was paid before the moment")
    # The broker is new, so what had left an outbox and had not been heard is in no queue.
    demand(fleet.value("courses", missing) == "0", "courses knows already what was still on its way")
    since = datetime.fromisoformat(at.replace(" ", "T").replace("+00", "+00:00")).astimezone(UTC)
    hour = since.replace(minute=0, second=0, microsecond=0)
    fleet.run("analytics", "announce-again", "--since", hour.isoformat().replace("+00:00", "Z"))
    eventually(
        "that courses hears what was on its way", lambda: True if fleet.value("courses", missing) == "1" else None
    )
    erase_again(fleet, backups, erased_person)
    fleet.run("notifications", "copy-recipients")
    fleet.run("documents", "copy-neighbours")
    fleet.run("analytics", "copy-from-owners")
    fleet.run("analytics", "rebuild-rollups")


def erase_again(fleet: Fleet, backups: Backups, erased_person: Person) -> None:
    state = f"select state from users where user_id = '{erased_person.id}'"
    demand(
        fleet.value("users", state) == "active", "who was erased after the moment did not come back: nothing was proved"
    )
    erased = [line.split("\t")[0] for line in backups.show("erasures", "users").splitlines()]
    demand(erased_person.id in erased, "the list of erasures lacks somebody")
    people(fleet, "erase", *erased)
    demand(fleet.value("users", state) == "erased", "who was erased is still somebody")
    kept = f"select count(*) from recipients where recipient_id = '{erased_person.id}' and erased_at is null"
    eventually("that notifications forgets again", lambda: True if fleet.value("notifications", kept) == "0" else None)


def end_of_archive(fleet: Fleet, archive: Archive, secrets: dict[str, Any]) -> float:
    """Restores the server of the money once more, as far as its archive goes; gives the moment of the last row."""
    server = fleet.servers["postgres-payments"]
    data = fleet.stores / "side/data"
    config = archive.configure(server, secrets["ciphers"][server.name], data, fleet.stores / "pgbackrest-side.conf")
    # A restoration to a moment began another timeline, of which the archive knows nothing: this is the one that was
    # lost.
    finish(archive.restore(server, "--type=default", config=config, data=data))
    port = max(fleet.state["ports"].values()) + 2
    side = Server("side", port, server.password, fleet.stores)
    programs = Path(f"/usr/lib/postgresql/{(data / 'PG_VERSION').read_text().strip()}/bin")
    settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400"]
    command = [str(programs / "postgres"), "-D", str(data), *(word for setting in settings for word in ("-c", setting))]
    with (fleet.folder / "logs/side.log").open("wb") as log:
        process = subprocess.Popen([*fleet.as_owner(), *command], cwd="/", stdout=log, stderr=log)
    try:
        last = eventually("the end of the archive", lambda: opened(side), 120)
    finally:
        process.send_signal(2)
        process.wait()
        shutil.rmtree(data.parent)
    return last


def opened(side: Server) -> float | None:
    try:
        if side.value("select pg_is_in_recovery()") == "t":
            return None
        return float(side.value("select extract(epoch from max(at)) from beats"))
    except Failed:
        return None


def refusals(fleet: Fleet, archive: Archive, backups: Backups, secrets: dict[str, Any]) -> None:
    """What must not look like a restoration: another key, half a backup."""
    server = fleet.servers["postgres-payments"]
    cipher = secrets["ciphers"][server.name]
    must_fail(fleet, archive, server, "with a wrong key", cipher="another " + cipher)
    root = f"S:{BUCKET}/{server.name}"
    damaged = f"S:{BUCKET}/damaged"
    backups.rclone("copy", "--include=/backup/**", "--include=/archive/*/archive.info*", root, damaged)
    listed = backups.rclone("lsf", "-R", "--files-only", "--format", "sp", f"{damaged}/backup").decode().splitlines()
    size, name = max((line.split(";") for line in listed), key=lambda found: int(found[0]))
    whole = backups.rclone("cat", f"{damaged}/backup/{name}")
    backups.rclone("--quiet", "rcat", f"{damaged}/backup/{name}", given=whole[: int(size) * 3 // 4])
    must_fail(fleet, archive, server, "of a truncated base backup", cipher=cipher, root="damaged")
    dump = max((one for one in backups.list() if one["target"] == "payments"), key=lambda found: found["taken_at"])
    address = f"S:{BUCKET}/logical/{dump['object']}"
    whole = backups.rclone("cat", address)
    backups.rclone("--quiet", "rcat", address, given=whole[:-1])
    try:
        backups.program("backup.py", "verify", "--kind", "postgresql")
    except Failed as failed:
        demand("damaged" in str(failed), f"a truncated dump was noticed for another reason: {failed}")
    else:
        raise Failed("a truncated dump was taken for a sound one")
    wrong = backups.folder / "wrong.txt"
    subprocess.run(["age-keygen", "-o", str(wrong)], check=True, capture_output=True)
    try:
        backups.program("backup.py", "show", "erasures", "users", "--identity", str(wrong))
    except Failed as failed:
        demand("age failed" in str(failed), f"the wrong identity was refused for another reason: {failed}")
    else:
        raise Failed("a wrong identity opened a backup")


def must_fail(fleet: Fleet, archive: Archive, server: Server, what: str, cipher: str, root: str = "") -> str:
    data = fleet.stores / "refused/data"
    config = archive.configure(server, cipher, data, fleet.stores / "pgbackrest-refused.conf", root)
    # It would wait and try again, as it should where the store is at fault.
    patience = ("--job-retry=0", "--io-timeout=5")
    process = archive.restore(server, "--type=immediate", *patience, config=config, data=data)
    output, _ = process.communicate(timeout=60)
    shutil.rmtree(data.parent)
    demand(process.returncode != 0, f"a restoration {what} was taken for one that worked:\n{output}")
    return output
