"""Runs an image as the chart does, with runc alone: read-only root, a user that is nobody, no capability, no new
privileges."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from archive import Image, Wrong, check

WAIT = 20.0


def bundle(image: Image, folder: Path, arguments: list[str], environment: dict[str, str], writable: list[str]) -> None:
    root = folder / "rootfs"
    if not root.exists():
        root.mkdir()
        image.unpack(root)
    (folder / "config.json").unlink(missing_ok=True)
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    spec = json.loads((folder / "config.json").read_text())
    settings = image.configuration["config"]
    uid, gid = (int(part) for part in settings["User"].split(":"))
    process = spec["process"]
    process |= {
        "terminal": False,
        "user": {"uid": uid, "gid": gid},
        "args": settings.get("Entrypoint", []) + (arguments or settings.get("Cmd", [])),
        "env": settings["Env"] + [f"{name}={value}" for name, value in environment.items()],
        "cwd": settings["WorkingDir"] or "/",
        "capabilities": {kind: [] for kind in process["capabilities"]},
        "noNewPrivileges": True,
    }
    process.pop("rlimits", None)
    spec["root"] = {"path": "rootfs", "readonly": True}
    # The host's network, so that what listens on 127.0.0.1 is reached; its own control groups are not needed for a
    # trial.
    spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]
    spec["linux"]["namespaces"] = [
        space for space in spec["linux"]["namespaces"] if space["type"] not in ("network", "cgroup")
    ]
    for path in writable:
        options = ["nosuid", "nodev", "mode=0700", f"uid={uid}", f"gid={gid}"]
        spec["mounts"].append({"destination": path, "type": "tmpfs", "source": "tmpfs", "options": options})
    (folder / "config.json").write_text(json.dumps(spec))


def run(
    image: Image, arguments: list[str], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle(image, folder, arguments, environment or {}, [])
        return finish(folder)


def finish(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["runc", "run", "--bundle", str(folder), f"lyceum-image-{os.getpid()}-{time.monotonic_ns()}"]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT)


@contextmanager
def unpacked(image: Image) -> Iterator[Path]:
    """Its files in a folder, for several trials."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "rootfs"
        root.mkdir()
        image.unpack(root)
        yield root


def inside(root: Path, command: list[str], image: Image) -> subprocess.CompletedProcess[str]:
    """Runs another command than its entry point to its end."""
    configuration = {"config": image.configuration["config"] | {"Entrypoint": [], "Cmd": command}}
    bundle(replace(image, configuration=configuration), root.parent, [], {}, ["/tmp"])
    return finish(root.parent)


@contextmanager
def running(
    image: Image, arguments: list[str], environment: dict[str, str] | None = None, writable: list[str] | None = None
) -> Iterator[int]:
    """Keeps it running and gives the number of its process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle(image, folder, arguments, environment or {}, writable or [])
        identity = f"lyceum-image-{os.getpid()}-{time.monotonic_ns()}"
        with (folder / "log").open("w") as log:
            command = ["runc", "run", "--bundle", str(folder), "--pid-file", str(folder / "pid"), identity]
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield int(eventually(lambda: (folder / "pid").read_text() if (folder / "pid").exists() else None, child))
        except BaseException:
            print((folder / "log").read_text()[-3000:])
            raise
        finally:
            subprocess.run(["runc", "kill", identity, "KILL"], capture_output=True)
            child.wait(timeout=WAIT)


def eventually(probe, child: subprocess.Popen[bytes] | None = None, seconds: float = WAIT):  # type: ignore[no-untyped-def]
    """Waits until the probe gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := probe():
            return found
        if child is not None and child.poll() is not None:
            raise Wrong(f"it ended with {child.returncode}")
        time.sleep(0.05)
    raise Wrong(f"nothing after {seconds} s")


def confined(pid: int, uid: int) -> None:
    """Asks the kernel what the process may."""
    lines = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    status = {name: value.split() for name, value in lines}
    check(status["Uid"] == [str(uid)] * 4, f"its user is {status['Uid']}")
    check(status["NoNewPrivs"] == ["1"], "it may gain privileges")
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check(int(status[kind][0], 16) == 0, f"it has {kind} {status[kind][0]}")
    mounts = (line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
    options = {mount[4]: mount[5].split(",") for mount in mounts}
    check("ro" in options["/"], f"its root is mounted {options['/']}")
