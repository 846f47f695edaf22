"""`.ci/push` and `.ci/promote` with a real registry: what was looked at is what is sent, a name is given once, and only
what staging ran can be released.

The images are small ones of the right names: what is in the real ones is the suite `images`'.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/images"))

from registry import registry as debians_registry  # noqa: E402

COMMIT = "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b"
KIND = "application/vnd.oci.image.manifest.v1+json"


def names() -> list[str]:
    programs = sorted(path.parent.name for path in (ROOT / "services").glob("*/Cargo.toml"))
    others = (path.parent.name for path in (ROOT / "deploy").glob("*/lay-out"))
    return [*programs, "sandbox", *sorted(name for name in others if name != "docker")]


@dataclass
class Registry:
    address: str

    @classmethod
    @contextmanager
    def started(cls) -> Iterator["Registry"]:
        with debians_registry() as address:
            yield cls(address)

    def digest(self, name: str, tag: str) -> str:
        url = f"http://{self.address}/v2/cr/lyceum/{name}/manifests/{tag}"
        with urlopen(Request(url, headers={"Accept": KIND}), timeout=30) as answer:
            return str(answer.headers["Docker-Content-Digest"])


def pretend(folder: Path, text: str = "") -> None:
    """Archives of every image of ours, as `cargo fleet images` leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        store = ["--storage-driver=vfs", f"--root={place}/store", f"--runroot={place}/run"]
        for name in names():
            context = Path(place, name)
            context.mkdir()
            (context / "name").write_text(name + text)
            (context / "Dockerfile").write_text("FROM scratch\nCOPY name /\n")
            build = ["buildah", *store, "build", "--quiet", "--isolation=chroot", "--timestamp=0", f"--tag={name}"]
            subprocess.run([*build, str(context)], check=True, stdout=subprocess.DEVNULL)
            layout = f"oci-archive:{place}/{name}.tar:docker.io/lyceum/{name}:0.1.0"
            subprocess.run(["buildah", *store, "push", "--quiet", name, layout], check=True, stdout=subprocess.DEVNULL)
            shutil.move(f"{place}/{name}.tar", folder / f"{name}.tar")


def script(*arguments: str | Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [str(root / arguments[0]), *map(str, arguments[1:])]
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def push(folder: Path, place: str, tag: str) -> None:
    done = script(".ci/push", place, tag, folder)
    if done.returncode:
        raise SystemExit(f".ci/push failed:\n{done.stdout}")


def named(registry: Registry, tag: str) -> None:
    """Every image has the name, and it is the one of the commit."""
    for name in names():
        if registry.digest(name, tag) != registry.digest(name, COMMIT):
            raise SystemExit(f"{name}:{tag} is not what the commit's pipeline made")


def try_release(helm: Path) -> Iterator[str]:
    with Registry.started() as registry, tempfile.TemporaryDirectory() as work:
        folder = Path(work, "images")
        # What lies beside them is not ours to give away.
        pretend(folder)
        shutil.copy(folder / "users.tar", folder / "postgres.tar")
        place = f"{registry.address}/cr"
        push(folder, place, COMMIT)
        manifest = json.loads(
            subprocess.run(
                ["skopeo", "inspect", "--raw", f"oci-archive:{folder}/users.tar"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        if manifest["layers"][0]["digest"] not in digests_of(registry, "users"):
            raise SystemExit("the registry holds another image than the archive")
        with urlopen(f"http://{registry.address}/v2/_catalog", timeout=30) as answer:
            held = set(json.load(answer)["repositories"])
        if held != {f"cr/lyceum/{name}" for name in names()}:
            raise SystemExit(f"the registry got {sorted(held)}")
        yield f"{len(names())} images were sent as they lie there, and nothing that lies beside them"
        push(folder, place, COMMIT)
        yield "once more changes nothing"
        yield from by_digest(helm, folder / "release.yaml")
        early = script(".ci/promote", place, f"staged-{COMMIT}", "1.2.3")
        if early.returncode == 0 or "is not there" not in early.stdout:
            raise SystemExit(f"what was never in staging was released:\n{early.stdout}")
        yield "refused: to release what staging did not run"
        for source, name in ((COMMIT, f"staged-{COMMIT}"), (f"staged-{COMMIT}", "1.2.3")):
            done = script(".ci/promote", place, source, name)
            if done.returncode:
                raise SystemExit(f".ci/promote failed:\n{done.stdout}")
            named(registry, name)
        yield "the release is what staging ran, by its digests"
        pretend(folder, "another")
        again = script(".ci/push", place, "1.2.3", folder)
        if again.returncode == 0 or "names are given once" not in again.stdout:
            raise SystemExit(f"a released name was given to another image:\n{again.stdout}")
        named(registry, "1.2.3")
        yield "refused: to give a released name to another image"


def digests_of(registry: Registry, name: str) -> str:
    url = f"http://{registry.address}/v2/cr/lyceum/{name}/manifests/{COMMIT}"
    with urlopen(Request(url, headers={"Accept": KIND}), timeout=30) as answer:
        return str(answer.read().decode())


def by_digest(helm: Path, values: Path) -> Iterator[str]:
    """Whatever the chart renders with the file names our images by their digests, the trial school's and backups too."""
    command = [str(helm), "template", "lyceum", "helm/lyceum", "--namespace=lyceum", f"--values={values}"]
    seen = set()
    for case in ("values-dev.yaml", "values-production.yaml"):
        done = subprocess.run([*command, f"--values=helm/lyceum/{case}"], cwd=ROOT, text=True, capture_output=True)
        if done.returncode:
            raise SystemExit(f"{case} with the digests cannot be rendered:\n{done.stderr}")
        ours = {line.split("image:")[1].strip().strip('"') for line in done.stdout.splitlines() if "image: " in line}
        ours = {image for image in ours if "/lyceum/" in image}
        loose = [image for image in ours if "@sha256:" not in image]
        if loose:
            raise SystemExit(f"{case}: by a tag, which can be moved: {loose}")
        seen |= {image.split("@")[0].rsplit("/", 1)[1] for image in ours}
    # The collector stands beside the chart.
    if missing := set(names()) - seen - {"collector"}:
        raise SystemExit(f"no case renders {missing}")
    yield f"the chart names all {len(seen)} by digest"
