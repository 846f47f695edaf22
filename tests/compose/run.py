"""compose.yaml, held against the programs that it starts; README.md says what is checked. `cargo fleet test compose` runs this."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCKER = ROOT / "deploy/docker"
PROGRAMS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir())
# Where the stores listen.
STORES = {"postgres": {5432}, "redis": {6379}, "rabbitmq": {5672}, "seaweedfs": {3900}}
# By the chart's name of a store: the container that is the same.
CHART = {"postgres": "postgres", "redis": "redis", "rabbitmq": "rabbitmq", "s3": "seaweedfs"}

Service = dict[str, Any]


def read(environment: Path) -> dict[str, Service]:
    """The containers as Docker would start them."""
    go = Path(sys.executable).with_name("go")
    program = str(go) if go.exists() else shutil.which("go") or ""
    command = [program, "run", ".", str(DOCKER / "compose.yaml"), str(environment)]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"compose-go refuses compose.yaml:\n{done.stderr}")
    services: dict[str, Service] = json.loads(done.stdout)["services"]
    return services


def build() -> None:
    """Builds the programs as the launcher does, so that cargo compiles nothing once more."""
    programs = [argument for name in [*SERVICES, "sandbox"] for argument in ("--bin", name)]
    subprocess.run(["cargo", "build", "--quiet", *programs], cwd=ROOT, check=True)


def listens(name: str, service: Service) -> set[int]:
    variables = service.get("environment") or {}
    ports = {int(value.rsplit(":", 1)[1]) for variable, value in variables.items() if variable.endswith("_LISTEN")}
    return ports | STORES.get(name, set())


def program_wrong(name: str, services: dict[str, Service]) -> list[str]:
    """What a program of ours would refuse, and where it would find nobody."""
    wrong, service = [], services[name]
    variables = service["environment"]
    done = subprocess.run([PROGRAMS / name, "check-config"], env=variables, capture_output=True, text=True, timeout=30)
    if done.returncode:
        wrong.append(f"{name} refuses its environment:\n{done.stderr}")
    for variable, value in variables.items():
        if not re.match(r"[a-z]+://", value) or "localhost" in value or variable == "LYCEUM_ISSUER":
            continue
        address = urlsplit(value)
        if address.hostname not in services:
            wrong.append(f"{name}: {variable} leads to {address.hostname}, which is no container")
        elif address.port not in listens(address.hostname, services[address.hostname]):
            wrong.append(f"{name}: {variable} leads to {address.hostname}:{address.port}, where nobody listens")
    if "LYCEUM_DATABASE_URL" in variables:
        migration = services.get(f"{name}-migrate", {})
        if migration.get("command") != ["migrate"] or migration.get("environment") != variables:
            wrong.append(f"{name}-migrate does not migrate what {name} reads")
        if service["depends_on"].get(f"{name}-migrate", {}).get("condition") != "service_completed_successfully":
            wrong.append(f"{name} does not wait for its schema")
    return wrong


def container_wrong(name: str, service: Service) -> list[str]:
    wrong = []
    for port in service.get("ports", []):
        if port.get("host_ip") != "127.0.0.1":
            wrong.append(f"{name} is open to others than this machine: {port}")
        if port["target"] not in listens(name, service):
            wrong.append(f"{name} publishes {port['target']}, where nobody listens")
    for volume in service.get("volumes", []):
        if volume["type"] == "bind" and not Path(volume["source"]).is_file():
            wrong.append(f"{name} mounts {volume['source']}, which does not exist")
    return wrong


def images_wrong(services: dict[str, Service]) -> list[str]:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    wanted = {name: f"lyceum/{name}:{version}" for name in [*SERVICES, "sandbox"]}
    wanted |= {
        name.removesuffix("-migrate") + "-migrate": wanted[name.removesuffix("-migrate")]
        for name in services
        if name.endswith("-migrate")
    }
    chart = yaml.safe_load((ROOT / "helm/lyceum/values.yaml").read_text())["dev"]
    for store, container in CHART.items():
        image = chart[store]["image"]
        wanted[container] = f"{image['registry']}/{image['repository']}:{image['tag']}"
    found = {name: service["image"] for name, service in services.items()}
    differs = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return [f"{name}: its image is {found.get(name)}, expected {wanted.get(name)}" for name in differs]


def main() -> int:
    build()
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        subprocess.run([DOCKER / "compose-secrets", environment], check=True, stdout=subprocess.DEVNULL)
        services = read(environment)
    wrong = images_wrong(services)
    for name, service in services.items():
        wrong += container_wrong(name, service)
    for name in SERVICES:
        wrong += program_wrong(name, services)
    for line in wrong:
        print(line)
    print(
        f"    {len(services)} containers, {len(SERVICES)} programs accept what they are told"
        if not wrong
        else f"    {len(wrong)} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
