"""A job's container as a runner starts it: a root of its own, the project at its path, Docker's usual rights or all of
them.

runc starts it. Its root is an overlay over what the image holds and goes when the job ends; the project is an overlay
over the checkout, so that what is compiled already is found and nothing that a job writes reaches it.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# What Docker gives a container that asks for nothing: no mounts, no namespaces of its own.
DEFAULT = [
    *("CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD"),
    *("CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"),
    "CAP_SYS_CHROOT",
]
PRIVILEGED = [*DEFAULT, "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"]
# And what its seccomp profile refuses to those who lack CAP_SYS_ADMIN, as far as our programs could want it.
REFUSED = ["mount", "umount2", "unshare", "setns", "pivot_root", "move_mount", "open_tree", "fsopen", "fsmount"]
# How this machine reaches registries of packages; a runner has its own ways.
OF_THE_MACHINE = ["/etc/resolv.conf", "/etc/hosts", "/root/.npmrc", "/opt/wheels"]
# Whom it trusts, beside the image's own list, which packages of Debian's renew.
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
AUTHORITIES = "/trusted.crt"


@dataclass
class Container:
    root: Path
    project: Path
    environment: dict[str, str]
    privileged: bool = False
    # Path in the container → path here, for reading and writing.
    shared: dict[str, Path] = field(default_factory=dict)
    # The same, for reading only; a missing one is left out.
    shown: dict[str, Path] = field(default_factory=dict)

    def run(self, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs lines in a shell as GitLab's runner does: one after the other, the first that fails ends the job."""
        with tempfile.TemporaryDirectory(dir=folder) as name, self.mounted(Path(name)) as (root, project):
            work = Path(name)
            (work / "job").write_text(f"set -eo pipefail\ncd {self.project}\n{script}\n")
            shell = "/usr/bin/bash" if (self.root / "usr/bin/bash").exists() else "/bin/sh"
            command = [shell, "/job"]
            subprocess.run(["runc", "spec"], cwd=work, check=True)
            spec = json.loads((work / "config.json").read_text())
            process = spec["process"]
            capabilities = PRIVILEGED if self.privileged else DEFAULT
            process |= {
                "terminal": False,
                "user": {"uid": 0, "gid": 0},
                "args": command,
                "cwd": "/",
                "env": [f"{key}={value}" for key, value in self.environment.items()],
                "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
                "noNewPrivileges": False,
            }
            process.pop("rlimits", None)
            spec["root"] = {"path": str(root), "readonly": False}
            spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]
            binds = {str(self.project): (project, False), "/job": (work / "job", True)}
            binds |= {path: (Path(path), True) for path in OF_THE_MACHINE} | {AUTHORITIES: (TRUSTED, True)}
            binds |= {path: (there, True) for path, there in self.shown.items()}
            binds |= {path: (there, False) for path, there in self.shared.items()}
            for path, (there, readonly) in binds.items():
                if there.exists():
                    options = ["rbind", "ro" if readonly else "rw"]
                    spec["mounts"].append(
                        {"destination": path, "type": "bind", "source": str(there), "options": options}
                    )
            kept = ("network", "cgroup")
            spec["linux"]["namespaces"] = [one for one in spec["linux"]["namespaces"] if one["type"] not in kept]
            if self.privileged:
                spec["linux"] |= {"maskedPaths": [], "readonlyPaths": []}
            else:
                spec["linux"]["seccomp"] = {
                    "defaultAction": "SCMP_ACT_ALLOW",
                    "syscalls": [{"names": REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
                }
            (work / "config.json").write_text(json.dumps(spec))
            identity = f"lyceum-job-{os.getpid()}-{work.name}"
            return subprocess.run(
                ["runc", "run", "--bundle", str(work), identity],
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )

    @contextmanager
    def mounted(self, work: Path) -> Iterator[tuple[Path, Path]]:
        with overlay(self.root, work / "root") as root, overlay(self.project, work / "project") as project:
            yield root, project


@contextmanager
def overlay(lower: Path, place: Path) -> Iterator[Path]:
    """What is in a folder, for writing, while the folder itself stays as it is."""
    upper, changes, merged = place / "upper", place / "work", place / "merged"
    for folder in (upper, changes, merged):
        folder.mkdir(parents=True)
    options = f"lowerdir={lower},upperdir={upper},workdir={changes}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True)
    try:
        yield merged
    finally:
        subprocess.run(["umount", "--lazy", str(merged)], check=True)
