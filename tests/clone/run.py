"""A school from a clone that makes everything difficult; README.md says how. `cargo fleet test clone` runs this."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "debug"
PROGRAMS = [*sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir()), "sandbox", "people"]
# Where this machine's own PostgreSQL, Redis, RabbitMQ and SeaweedFS would listen, and where ours would like to.
TAKEN = [5432, 6379, 5672, 15672, 25672, 4369, 8333, 9333, 8888, 8080, 8090]
# A network of its own and mounts of its own, in which the suite is called again.
APART = ["unshare", "--net", "--mount", "--"]


def build() -> None:
    """Builds the programs as the launcher does, so that cargo compiles nothing once more."""
    programs = [argument for name in [*PROGRAMS, "fleet"] for argument in ("--bin", name)]
    subprocess.run(["cargo", "build", "--quiet", *programs], cwd=ROOT, check=True)


def clone(folder: Path) -> None:
    """What the next commit would hold."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    for name in filter(None, listed.decode().split("\0")):
        # One that was removed is still listed.
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            (folder / name).chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)


def launch(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Calls the launcher in the clone, as somebody whose shell says nothing about languages."""
    hidden = ("CARGO", "LYCEUM", "LANG", "LC_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    done = subprocess.run(
        [TARGET / "fleet", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"\n$ cargo fleet {' '.join(words)}\n{done.stdout}", flush=True)
    return done


def refused(folder: Path) -> list[str]:
    """What is wrong with what a clone says that cannot be written."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    done = launch(folder, "up", "--detach")
    subprocess.run(["umount", folder], check=True)
    clear = done.returncode and "a fleet keeps everything in its clone: Read-only file system" in done.stdout
    return [] if clear else ["a clone that cannot be written is not refused clearly"]


def played(folder: Path) -> list[str]:
    """A school is started, somebody learns there, and it is stopped."""
    (folder / ".fleet").mkdir()
    (folder / ".fleet/programs.json").write_text(json.dumps({name: str(TARGET / name) for name in PROGRAMS}))
    try:
        failed = next((words for words in (["up", "--detach"], ["demo"]) if launch(folder, *words).returncode), None)
    finally:
        launch(folder, "down")
        # Data of another user, or of a path that not all stores can bear, lies elsewhere.
        shutil.rmtree((folder / ".fleet/stores").resolve(), ignore_errors=True)
    return [f"`cargo fleet {' '.join(failed)}` failed"] if failed else []


def main() -> int:
    os.umask(0o077)
    apart = "--apart" in sys.argv
    if apart:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
    elif not subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode:
        build()
        return subprocess.run([*APART, sys.executable, __file__, "--apart"]).returncode
    else:
        print("    this machine permits no network apart: with IPv6, and no clone that cannot be written")
        build()
    # A folder that only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="lyceum-clone-", dir=Path.home()) as place:
        folder = Path(place, "Моя школа")
        folder.mkdir()
        clone(folder)
        wrong = refused(folder) if apart else []
        strangers = [socket.create_server(("127.0.0.1", port)) for port in TAKEN] if apart else []
        wrong += played(folder)
        for stranger in strangers:
            stranger.close()
    for line in wrong:
        print(f"    {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
