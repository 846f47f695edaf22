"""The Dockerfile against what `cargo fleet images` makes.

Its first stages stand on an image of Rust's, which cannot be pulled here, so what they do is compared as it is written: the compiler,
its flags, the tools. What they lay out and the last stage are run.
"""

import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

from archive import Image, Wrong, check, read

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
SOURCES = ROOT / "deploy/fleet/src"


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise Wrong(f"{pattern} is not there")
    return match[1]


def same_build() -> None:
    text = DOCKERFILE.read_text()
    flags = found(r'const FLAGS: &str = "(.*)";', (SOURCES / "images/program.rs").read_text())
    # The names under which the launcher lets panics speak of the sources.
    flags += " --remap-path-prefix=/src=/lyceum --remap-path-prefix=/usr/local/cargo=/cargo"
    check(f'RUSTFLAGS="{flags}"' in text, f"it does not compile with {flags}")
    tools = (SOURCES / "tool.rs").read_text()
    for tool in ("cargo-auditable", "cargo-cyclonedx"):
        version = found(rf'of_cargo\("{tool}", "(.*)"\)', tools)
        check(f"{tool}@{version}" in text, f"it does not install {tool} {version}")
    rust = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    check(f"ARG RUST={rust}-" in text, f"its compiler is not {rust}")


def same_image(image: Image, service: str) -> None:
    """Makes the last stage as anybody would, out of the same program, and compares what comes out."""
    labels = image.configuration["config"]["Labels"]
    arguments = {name: labels[f"org.opencontainers.image.{name.lower()}"] for name in ("VERSION", "REVISION", "SOURCE")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / service
        program.write_bytes(image.file(service))
        subprocess.run([ROOT / "deploy/docker/lay-out", program, folder / "image"], check=True)
        store = ["--storage-driver=vfs", f"--root={folder}/store", f"--runroot={folder}/run"]
        build = [
            "buildah",
            *store,
            "build",
            "--quiet",
            "--layers",
            "--isolation=chroot",
            f"--file={DOCKERFILE}",
            "--tag=made",
        ]
        build += [f"--build-context=image={folder}/image", f"--build-arg=SERVICE={service}"]
        build += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        subprocess.run([*build, str(folder / "image")], check=True, stdout=subprocess.DEVNULL)
        layout = folder / "layout"
        subprocess.run(
            ["buildah", *store, "push", "--quiet", "made", f"oci:{layout}:made"], check=True, stdout=subprocess.DEVNULL
        )
        compare(image, read(layout))


def compare(image: Image, other: Image) -> None:
    ours, theirs = (dict(one.configuration["config"]) for one in (image, other))
    # buildah says there which version of it made an image, unless it is told not to.
    theirs["Labels"] = {name: value for name, value in theirs["Labels"].items() if name != "io.buildah.version"}
    check(ours == theirs, f"it is started otherwise: {theirs}, not {ours}")
    ours_in, theirs_in = (
        {
            name: (member.mode, member.uid, member.gid, member.size, member.linkname)
            for name, member in one.members().items()
        }
        for one in (image, other)
    )
    check(ours_in == theirs_in, f"it holds others: {sorted(set(ours_in.items()) ^ set(theirs_in.items()))}")
    for name, (_, _, _, size, _) in ours_in.items():
        check(not size or image.file(name) == other.file(name), f"{name} differs")
