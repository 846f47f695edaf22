"""Tests behind a real PgBouncer; README.md says what is checked. `cargo fleet test pooler` runs this."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
DEBIAN = ROOT / "deploy/fleet/debian/unpack"

# The first that hands prepared statements from one session to another.
OLDEST = (1, 21)
CANNOT_RUN = 77

PACKAGES = ("bus", "notifications", "payments", "pg")
# What is about a session itself.
LEFT_OUT = """
    package(pg) & test(/^(pool|record|tls)::/)
    + test(a_relay_that_waits_for_the_broker_holds_up_nobody_and_may_be_ended)
"""
# So many transactions at the least, or the tests went somewhere else.
CARRIED = 5_000


def version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    return tuple(int(number) for number in found.groups()) if found else ()


def command(owner: pwd.struct_passwd) -> list[str]:
    """How PgBouncer is started, which refuses to be root."""
    here = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if here and version(here) >= OLDEST:
        drop = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
        return [*(drop if os.geteuid() == 0 else []), here]
    unpacked = subprocess.run([DEBIAN, "trixie"], stdout=subprocess.PIPE, text=True)
    if unpacked.returncode:
        print("neither is there a PgBouncer that is new enough nor can one be unpacked")
        sys.exit(CANNOT_RUN)
    folder = Path(unpacked.stdout.strip())
    return [str(folder / "enter"), f"{owner.pw_uid}:{owner.pw_gid}", "/usr/sbin/pgbouncer"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def pooler(postgres: str) -> Iterator[str]:
    """A PgBouncer before the server, in front of every database, and its address."""
    server, port = urlsplit(postgres), free_port()
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with tempfile.TemporaryDirectory(prefix="lyceum-pooler-") as folder:
        users, settings, log = (Path(folder) / name for name in ("users", "pgbouncer.ini", "log"))
        users.write_text(f'"{server.username}" "{server.password}"\n')
        settings.write_text(
            f"""
            [databases]
            * = host=127.0.0.1 port={server.port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = plain
            auth_file = {users}
            admin_users = {server.username}
            pool_mode = transaction
            max_prepared_statements = 200
            max_client_conn = 2000
            default_pool_size = 8
            # Each test has a database of its own.
            server_idle_timeout = 2
            """.replace("\n            ", "\n")
        )
        log.touch()
        if os.geteuid() == 0:
            for path in (Path(folder), users, settings):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        with log.open("wb") as output:
            process = subprocess.Popen([*command(owner), str(settings)], stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 30
            while not answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"PgBouncer does not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield f"postgres://{server.username}:{server.password}@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(timeout=30)


def ask(url: str, question: str, options: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PGOPTIONS": options, "PGCONNECT_TIMEOUT": "5"}
    return subprocess.run(["psql", "-XAtq", url, "-c", question], env=environment, capture_output=True, text=True)


def carried(url: str) -> int:
    """How many transactions PgBouncer has carried."""
    console = url.rsplit("/", 1)[0] + "/pgbouncer"
    said = ask(console, "show totals")
    found = re.search(r"^total_xact_count\|(\d+)$", said.stdout, re.MULTILINE)
    if not found:
        raise SystemExit(f"PgBouncer does not count: {said.stdout}{said.stderr}")
    return int(found.group(1))


def main() -> int:
    stores = json.loads(Path(os.environ["LYCEUM_STORES"]).read_text())
    with pooler(stores["postgres"]) as url, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        refused = ask(url, "select 1", options="-c statement_timeout=1000")
        if "unsupported startup parameter" not in refused.stderr:
            print(f"this PgBouncer takes options of a connection: {refused.stdout}{refused.stderr}")
            return 1
        json.dump({**stores, "pooler": url}, file)
        file.flush()
        nextest = [str(ROOT / ".ci/python"), "--program", "cargo-nextest", "nextest", "run", "--config-file"]
        packages = [argument for package in PACKAGES for argument in ("--package", package)]
        chosen = [".ci/nextest.toml", *packages, "-E", f"not ({' '.join(LEFT_OUT.split())})"]
        tests = subprocess.run([*nextest, *chosen], cwd=ROOT, env={**os.environ, "LYCEUM_STORES": file.name})
        count = carried(url)
    print(f"PgBouncer carried {count} transactions")
    if count < CARRIED:
        print(f"which is fewer than {CARRIED}: the tests went past it")
        return 1
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
