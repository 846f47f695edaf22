"""Jobs of the pipeline where they would run: in a container of their image.

The jobs' image is made in one of two ways: quickly, of the packages that its Dockerfile names on the Debian that it
begins with; or, where `ci-image` is among the jobs, by that job, out of the Dockerfile.

No image can be pulled here, so that the bases are made of Debian's packages and hold less than the official ones:
debian:trixie-slim is `mmdebstrap --variant=minbase`, rust:1.95-bookworm the same of bookworm with a C compiler, git and
this machine's toolchain. Everything else, the Dockerfile of the jobs' image included, is what the pipeline has.

Clusters, Selectel and grype's database are nowhere here: helm, kubectl, terraform and grype are asked what they would
be asked, and what they need not the outside for (`helm template`, `lint`, `package`, `push`) they do.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import release
import yaml
from container import AUTHORITIES, TRUSTED, Container
from release import Registry

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b"
# In the order in which they run. `ci-image`, `lint`, `crates`, … take long and are for `run.py roots JOB…`.
QUICK = ["format", "chart", "scan", "staging", "release", "scan-release", "production", "review"]
# What the image of Rust's has of Debian, as far as we rely on it.
BENEATH = ["ca-certificates", "curl", "git", "gcc", "libc6-dev", "make"]
# What no machine without these things can run as it is.
ELSEWHERE = {
    "plan-staging": "an account at Selectel; .ci/terraform is tried with a terraform that writes down what it is asked",
    "apply-staging": "the same",
    "plan-production": "the same",
    "apply-production": "the same",
    "stop-review": "a cluster; two lines of helm and kubectl",
    "coverage": "llvm-tools of the toolchain, which only rustup's server has",
}
PATH = "/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Programs that speak to the outside, and stand-ins that write down what they are asked.
STAND_INS = {
    "terraform": """#!/bin/sh
echo "terraform $*" >>/calls
case $1 in
version) echo "Terraform v1.11.4" ;;
output)
    case $3 in
    chart_values) cat /chart-values.yaml ;;
    kubernetes_secrets) printf 'apiVersion: v1\\nkind: Secret\\nmetadata: {name: lyceum-registry}\\n' ;;
    esac ;;
esac
""",
    "grype": """#!/bin/sh
echo "grype $*" >>/calls
case $1 in
version) echo "0.121.2" ;;
registry:*) skopeo inspect --tls-verify=false "docker://${1#registry:}" >/dev/null ;;
sbom:*) python3 -m json.tool "${1#sbom:}" >/dev/null ;;
esac
""",
    "kubectl": """#!/bin/sh
echo "kubectl $*" >>/calls
case "$*" in
version*) echo "Client Version: v1.35.0" ;;
*"get namespace"*) exit 1 ;;
*"create secret"*) printf 'apiVersion: v1\\nkind: Secret\\nmetadata: {name: review-registry}\\n' ;;
esac
""",
    "helm": """#!/bin/sh
echo "helm $*" >>/calls
case $1 in
upgrade | test | rollback | uninstall) exit ;;
history) echo '[]' && exit ;;
esac
exec /usr/local/libexec/helm "$@"
""",
}


@dataclass
class Job:
    name: str
    image: str
    script: str
    variables: dict[str, str]
    privileged: bool


class Pipeline:
    """The jobs as GitLab understands them: gitlab-ci-local puts `extends` and `!reference` together."""

    def __init__(self, listing: str, given: dict[str, str]) -> None:
        self.document: dict[str, Any] = yaml.safe_load(listing)
        self.given = given

    def job(self, name: str, rule: dict[str, str]) -> Job:
        found = self.document[name]
        # The machine's words come last, as those of a project's settings do.
        variables = {**self.document["variables"], **rule, **(found.get("variables") or {}), **self.given}
        variables = {key: expand(str(value), variables) for key, value in variables.items()}
        image = found.get("image") or self.document["default"]["image"]
        image = image["name"] if isinstance(image, dict) else image
        lines = [*(found.get("before_script") or []), *found["script"]]
        return Job(name, expand(image, variables), "\n".join(map(str, lines)), variables, bool(found.get("tags")))


def expand(text: str, variables: dict[str, Any]) -> str:
    for _ in range(5):
        text = Template(text).safe_substitute(variables)
    return text


def debian(suite: str, folder: Path, *packages: str) -> Path:
    """A Debian that holds next to nothing."""
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--components=main", "--format=directory"]
    command += ["--aptopt=APT::Install-Recommends false", "--dpkgopt=force-unsafe-io", "--skip=output/dev"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info")]
    command += [f"--include={','.join(packages)}"] if packages else []
    subprocess.run([*command, suite, str(folder)], check=True, stdin=subprocess.DEVNULL)
    return folder


class Runner:
    """A runner of this machine, its store of images, and a registry as GitLab has one."""

    def __init__(self, folder: Path, registry: Registry, helm: Path, listing: str) -> None:
        self.folder, self.registry, self.helm = folder, registry, helm
        self.storage = folder / "storage"
        self.calls = folder / "calls"
        self.calls.touch()
        self.stand_ins = folder / "bin"
        self.stand_ins.mkdir()
        for name, text in STAND_INS.items():
            (self.stand_ins / name).write_text(text)
            (self.stand_ins / name).chmod(0o755)
        (folder / "chart-values.yaml").write_text(
            yaml.safe_dump(
                {"global": {"publicUrl": "https://school.example", "database": {"host": "postgres.example"}}}
            )
        )
        self.values = folder / "values.yaml"
        shutil.copy(ROOT / "helm/lyceum/values-production.yaml", self.values)
        self.artifacts = folder / "artifacts"
        self.artifacts.mkdir()
        self.pipeline = Pipeline(
            listing,
            {
                "CI": "true",
                "CI_PROJECT_DIR": str(ROOT),
                "CI_COMMIT_SHA": COMMIT,
                "CI_COMMIT_SHORT_SHA": COMMIT[:8],
                "CI_REGISTRY": registry.address,
                "CI_REGISTRY_IMAGE": f"{registry.address}/school/lyceum",
                "CI_REGISTRY_USER": "job",
                "CI_REGISTRY_PASSWORD": "token",
                "CI_DEPLOY_USER": "deploy",
                "CI_DEPLOY_PASSWORD": "token",
                "CI_MERGE_REQUEST_IID": "12",
                "REVIEW_DOMAIN": "review.example",
                "REGISTRY": f"{registry.address}/cr",
                "REGISTRY_LOGIN": "{}",
                "VALUES": "/values.yaml",
                "KUBE_CONTEXT": "agent",
                # What is compiled here was compiled with the crates that lie there.
                "CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo")),
                "HOME": "/root",
                "PATH": PATH,
                "RUSTUP_HOME": "/usr/local/rustup",
                **{name: AUTHORITIES for name, value in os.environ.items() if value == str(TRUSTED)},
            },
        )
        self.bases: dict[str, Path] = {}

    @property
    def place(self) -> str:
        """The project's own registry."""
        return self.pipeline.given["CI_REGISTRY_IMAGE"]

    def asked(self, *words: str) -> None:
        """The stand-ins wrote down, since somebody looked, what they were asked."""
        calls = self.calls.read_text()
        for word in words:
            if word not in calls:
                raise SystemExit(f"nobody asked for `{word}`:\n{calls}")
        self.calls.write_text("")

    def buildah(self, *arguments: str | Path) -> None:
        command = ["buildah", "--storage-driver=vfs", f"--root={self.storage}", f"--runroot={self.folder}/run"]
        subprocess.run([*command, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

    def prepare(self, by_its_job: bool) -> None:
        """What a runner would pull; and the jobs' image, unless its job makes it."""
        text = (ROOT / "deploy/docker/ci/Dockerfile").read_text()
        if not by_its_job:
            [packages] = re.findall(r"--no-install-recommends \\\n\s+(.*) \\\n", text)
            self.bases["of the jobs"] = debian("bookworm", self.folder / "ci", *BENEATH, *packages.split())
            return
        self.bases["debian:trixie-slim"] = debian("trixie", self.folder / "trixie")
        images = {found[1]: found[0] for found in re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE)}
        tag = re.findall(r"^ARG RUST=(\S+)$", text, re.MULTILINE)[0]
        rust = self.folder / "rust"
        debian("bookworm", rust, *BENEATH)
        cargo = rust / "usr/local/cargo/bin"
        cargo.mkdir(parents=True)
        (cargo / "rustup").write_text('#!/bin/sh\n[ "$1 $2" = "component add" ]\n')
        (cargo / "rustup").chmod(0o755)
        self.keep(f"docker.io/library/rust:{tag}", rust, f"ENV PATH={PATH}\n")
        shutil.rmtree(rust)
        for name, image in images.items():
            [path] = re.findall(rf"^COPY --from={name} (\S+) ", text, re.MULTILINE)
            place = self.folder / f"image-{name}" / path.lstrip("/")
            place.parent.mkdir(parents=True)
            shutil.copy(self.helm if name == "helm" else self.stand_ins / name, place)
            self.keep(image, self.folder / f"image-{name}")

    def keep(self, reference: str, folder: Path, more: str = "") -> None:
        dockerfile = self.folder / "Dockerfile"
        dockerfile.write_text(f"FROM scratch\nCOPY . /\n{more}")
        self.buildah("build", "--quiet", "--isolation=chroot", f"--tag={reference}", f"--file={dockerfile}", folder)

    def unpacked(self, image: str) -> Path:
        """The files of an image: of a base, or of one that a job has put into the store."""
        if "of the jobs" in self.bases:
            return self.bases["of the jobs"]
        if image in self.bases:
            return self.bases[image]
        listed = json.loads((self.storage / "vfs-images/images.json").read_text())
        found = [one for one in listed if image in one.get("names", [])]
        if not found:
            raise SystemExit(f"no job made the image {image}")
        return self.storage / "vfs/dir" / str(found[0]["layer"])

    def run(self, name: str, rule: dict[str, str]) -> str:
        job = self.pipeline.job(name, rule)
        # A merge request makes one of its own from the same file; once is enough.
        image = job.image.replace("/review/ci:", "/ci:")
        container = Container(self.unpacked(image), ROOT, job.variables, job.privileged)
        container.shared = {"/calls": self.calls, str(ROOT / ".fleet/images"): self.artifacts / "images"}
        container.shared[str(ROOT / ".fleet/chart")] = self.artifacts / "chart"
        for place in ("images", "chart"):
            (self.artifacts / place).mkdir(exist_ok=True)
        container.shown = {
            "/values.yaml": self.values,
            "/chart-values.yaml": self.folder / "chart-values.yaml",
            "/usr/local/rustup": Path.home() / ".rustup",
        }
        if job.image.startswith("debian:"):
            container.shared["/var/lib/containers/storage"] = self.storage
        else:
            container.shared[job.variables["CARGO_HOME"]] = Path(job.variables["CARGO_HOME"])
            container.shown["/usr/local/cargo/bin"] = Path(job.variables["CARGO_HOME"]) / "bin"
            container.shown["/usr/local/libexec/helm"] = self.helm
            container.shown |= {f"/usr/local/bin/{tool}": self.stand_ins / tool for tool in STAND_INS}
        done = container.run(job.script, self.folder)
        if done.returncode:
            raise SystemExit(f"the job {name} failed in its container:\n{done.stdout[-8000:]}")
        return done.stdout


MAIN = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
TAG = {"CI_COMMIT_TAG": "v1.2.3"}


def rule(runner: Runner, job: str) -> dict[str, str]:
    """Which pipeline a job is of, by what GitLab sets there."""
    if job in ("release", "scan-release", "production"):
        return TAG
    return {"PLACE": f"{runner.place}/review"} if job == "review" else MAIN


def before(runner: Runner, job: str) -> None:
    """What earlier jobs, which compile for long, leave behind."""
    images = runner.artifacts / "images"
    if job == "scan":
        release.pretend(images)
        release.push(images, f"{runner.registry.address}/cr", COMMIT)
        (images / "users.cdx.json").write_text("{}")
    if job == "production":
        shutil.rmtree(runner.artifacts / "chart")
        runner.run("chart", TAG)
    if job == "review":
        release.push(images, f"{runner.place}/review", COMMIT)


def after(runner: Runner, job: str) -> None:
    """What a job must have done."""
    if job == "staging":
        runner.asked("terraform output -raw chart_values", "--namespace lyceum apply --filename", "helm upgrade lyceum")
        release.named(runner.registry, f"staged-{COMMIT}")
    if job == "release":
        release.named(runner.registry, "1.2.3")
    if job == "scan-release":
        runner.asked(f"grype registry:{runner.registry.address}/cr/lyceum/payments@sha256:")
    if job == "production":
        runner.asked("helm upgrade lyceum .fleet/chart/lyceum-1.2.3.tgz")
    if job == "review":
        runner.asked("helm upgrade lyceum helm/lyceum", "global.publicUrl=https://mr-12.review.example")


def try_jobs(names: list[str], helm: Path, listing: str) -> Iterator[str]:
    """Runs them one after the other; tells what was seen."""
    # Room for two small Debians and the jobs' image; on the disk of the checkout, because /tmp is often memory.
    place = ROOT / ".fleet/roots"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as name, Registry.started() as registry:
        started = time.monotonic()
        runner = Runner(Path(name), registry, helm, listing)
        runner.prepare("ci-image" in names)
        yield f"what cannot be pulled was made of Debian's packages, {time.monotonic() - started:.0f} s"
        for job in names:
            before(runner, job)
            started = time.monotonic()
            runner.run(job, rule(runner, job))
            after(runner, job)
            yield f"{job:<12} passed in its container {time.monotonic() - started:5.0f} s"


def main(helm: Path, listing: Callable[[], str], names: list[str]) -> None:
    # Who is asked to end takes its mounts along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    for line in try_jobs(names or QUICK, helm, listing()):
        print(f"    {line}", flush=True)
    for job, why in ELSEWHERE.items():
        print(f"    {job:<16} not run: it needs {why}", flush=True)
