"""Makes the images of all programs and of backups and looks at them from outside: what is in them, how they start, what
a registry gets, and whether another folder gives the same.

`cargo fleet test images` starts this. Everything is compiled optimised, and once more in another folder.
LYCEUM_IMAGES_ONCE=1 leaves that out.

Usage: run.py [service…]
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import backup
import bill
import dockerfile
import registry
import sandboxed
from archive import Image, Wrong, check, read

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / ".fleet/images"
SERVICES = sys.argv[1:] or sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir())
LIMIT = 25_000_000
# What every image holds beside its program.
SHARED = {
    "entrypoint",
    "etc",
    "etc/group",
    "etc/nsswitch.conf",
    "etc/passwd",
    "etc/ssl",
    "etc/ssl/certs",
    "etc/ssl/certs/ca-certificates.crt",
    "tmp",
}


def make(*arguments: str, folder: Path = ROOT) -> None:
    command = ["cargo", "fleet", "images", *arguments]
    print("    $", " ".join(command), flush=True)
    subprocess.run(command, cwd=folder, check=True)


def looks_right(image: Image, service: str, version: str) -> None:
    check(image.reference == f"docker.io/lyceum/{service}:{version}", image.reference)
    settings = image.configuration["config"]
    check(settings["User"] == "65532:65532", f"its user is {settings['User']}")
    check(settings["Entrypoint"] == ["/entrypoint"] and not settings.get("Cmd"), "its entry point")
    members = image.members()
    check(set(members) == {*SHARED, service}, f"it holds {sorted(members)}")
    check(members["entrypoint"].linkname == service, "its entry point is not its program")
    times = {member.mtime for member in members.values()}
    check(len(times) == 1, f"its files have the times {times}: one is wanted, that of the sources")
    for name, member in members.items():
        check(member.uid == member.gid == 0, f"{name} has an owner")
        check(not member.mode & 0o6000, f"{name} changes the user")
        check(member.issym() or not member.mode & 0o022 or name == "tmp", f"{name} may be written by others")
    roots = image.file("etc/ssl/certs/ca-certificates.crt").count(b"BEGIN CERTIFICATE")
    check(roots > 100, f"it trusts {roots} roots")
    check(image.unpacked < LIMIT, f"{image.unpacked} bytes unpacked")


def starts(image: Image, service: str, version: str) -> None:
    told = sandboxed.run(image, ["--version"])
    revision = image.configuration["config"]["Labels"]["org.opencontainers.image.revision"]
    check(
        told.stdout == f"{service} {version} ({revision})\n",
        f"--version tells {told.stdout!r} {told.stderr!r}, the label {revision}",
    )
    refused = sandboxed.run(image, ["check-config"])
    check(refused.returncode == 2 and "LYCEUM_" in refused.stderr, f"check-config without variables: {refused}")


def world_is_confined() -> None:
    """The sandbox needs no stores, so that a whole program can be looked at while it serves."""
    image = read(IMAGES / "sandbox.tar")
    with sandboxed.running(image, []) as pid:
        sandboxed.confined(pid, 65532)
        sandboxed.eventually(lambda: registry.answers("http://127.0.0.1:8025/"))


def reproducible() -> None:
    """The same sources in another folder, compiled from nothing, give the same archives to the last byte."""
    other = ROOT / ".fleet/again/another folder"
    shutil.rmtree(other.parent, ignore_errors=True)
    try:
        other.parent.mkdir(parents=True)
        subprocess.run(["git", "clone", "--quiet", f"file://{ROOT}", other], check=True)
        # What is not committed yet goes along, so that both say the same of themselves.
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
        sources = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout
        copy = ["rsync", "--recursive", "--links", "--perms", "--from0", "--ignore-missing-args", "--files-from=-"]
        subprocess.run([*copy, f"{ROOT}/", f"{other}/"], input=sources, check=True)
        make(*SERVICES, folder=other)
        for service in SERVICES:
            same = (IMAGES / f"{service}.tar").read_bytes() == (other / f".fleet/images/{service}.tar").read_bytes()
            check(same, f"{service} is another archive when it is made in another folder")
    finally:
        shutil.rmtree(other.parent, ignore_errors=True)


def main() -> int:
    if os.geteuid() != 0:
        print("runc needs root here")
        return 77
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    hadolint = Path(sys.executable).parent / "hadolint"
    others = [ROOT / "deploy/backup/Dockerfile", ROOT / "deploy/docker/ci/Dockerfile"]
    subprocess.run([hadolint, dockerfile.DOCKERFILE, *others], check=True)
    print("    the Dockerfiles are clean under hadolint", flush=True)
    failed = False
    with registry.registry() as address:
        make()
        # As they lie there; all of them, whichever are looked at.
        subprocess.run([ROOT / ".ci/push", address, version], check=True)
        for service in SERVICES:
            try:
                image = read(IMAGES / f"{service}.tar")
                looks_right(image, service, version)
                crates = bill.compare(image, service, IMAGES / f"{service}.cdx.json")
                registry.holds(address, image)
                starts(image, service, version)
                size = f"{image.compressed / 1e6:.1f} MB, {image.unpacked / 1e6:.1f} MB unpacked"
                print(f"    {service}: {size}, {crates} crates; starts, and the registry has it", flush=True)
            except (Wrong, OSError) as error:
                failed = True
                print(f"    {service}: FAILED: {error}")
    looks: list[tuple[str, Callable[[], object]]] = [
        ("backups", lambda: backup.look(read(IMAGES / "backup.tar"), IMAGES / "backup.cdx.json", version)),
        ("confinement", world_is_confined),
        *([] if os.environ.get("LYCEUM_IMAGES_ONCE") else [("the same bytes in another folder", reproducible)]),
        ("the Dockerfile's tools and flags", dockerfile.same_build),
        ("the Dockerfile's image", lambda: dockerfile.same_image(read(IMAGES / f"{SERVICES[0]}.tar"), SERVICES[0])),
    ]
    for name, look in looks:
        try:
            look()
            print(f"    {name}: as promised")
        except (Wrong, OSError) as error:
            failed = True
            print(f"    {name}: FAILED: {error}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
