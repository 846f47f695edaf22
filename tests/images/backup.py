"""The image of backups: a small Debian whose PostgreSQL client is not older than any server that we make."""

import json
import re
import subprocess
from pathlib import Path

import sandboxed
from archive import Image, check

ROOT = Path(__file__).resolve().parents[2]
# Where the versions of servers are said, and how.
SERVERS = {
    "helm/lyceum/values.yaml": r"postgresql:(\d+)|library/postgres, tag: \"?(\d+)",
    "terraform/modules/postgresql/variables.tf": r"\"server_version\"[^}]*?default\s*=\s*\"(\d+)\"",
}


def servers() -> dict[str, int]:
    """The newest PostgreSQL that each of them makes."""
    newest = {}
    for file, pattern in SERVERS.items():
        text = (ROOT / file).read_text()
        found = [int(number) for match in re.finditer(pattern, text, re.S) for number in match.groups() if number]
        check(found, f"{file} names no version of PostgreSQL any more")
        newest[file] = max(found)
    return newest


def look(image: Image, bill: Path, version: str) -> None:
    settings = image.configuration["config"]
    check(image.reference == f"docker.io/lyceum/backup:{version}", image.reference)
    check(settings["User"] == "65532:65532" and settings["WorkingDir"] == "/tmp", f"it is started as {settings}")
    check(settings["Labels"]["org.opencontainers.image.version"] == version, "its version")
    privileged = [name for name, member in image.members().items() if member.isfile() and member.mode & 0o6000]
    check(not privileged, f"these change the user: {privileged}")
    with sandboxed.unpacked(image) as root:
        client = sandboxed.inside(root, ["pg_dump", "--version"], image)
        found = re.search(r" (\d+)\.", client.stdout)
        check(found, f"pg_dump: {client}")
        for file, server in servers().items():
            check(found and int(found[1]) >= server, f"{file} makes PostgreSQL {server}, the client is {client.stdout}")
        for tool in (["pg_restore", "--version"], ["psql", "--version"], ["age", "--version"], ["rclone", "version"]):
            check(sandboxed.inside(root, tool, image).returncode == 0, f"{tool[0]} does not run")
        helped = sandboxed.inside(root, [*settings["Entrypoint"], "--help"], image)
        check(helped.returncode == 0 and "postgresql TARGET" in helped.stdout, f"backup.py: {helped}")
        refused = sandboxed.inside(root, [*settings["Entrypoint"], "list"], image)
        check("BACKUP_S3_URL is not set" in refused.stderr, f"without variables: {refused}")
        listed = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\\n"]
        packages = set(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines())
    document = json.loads(bill.read_text())
    named = {f"{part['name']} {part['version']}" for part in document["components"] if part["type"] == "library"}
    check(named == packages, f"the inventory differs from what is installed: {sorted(named ^ packages)[:5]}")
