"""The pipeline, tried where GitLab is not: its scripts, its shape, some of its jobs, and the migrations' check.

`cargo fleet test pipeline` runs this. scripts: ShellCheck over `.ci/`, a rollout that goes back, a plan that has
changed. migrations: bad ones are refused, ours are not. shape: GitLab's own schema, ShellCheck inside the YAML, and
which jobs a merge request, the default branch and a tag have. jobs: some really run, by gitlab-ci-local in a clone, and
one of them fails on a mistake. release: what is pushed and released, with a real registry. roots: jobs in the
containers of their images; `run.py roots lint crates …` runs those that take long.

Usage: run.py [scripts|migrations|shape|jobs|release…], or run.py roots [JOB…]
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import migrations
import release
import roots
import yaml
from infrastructure import try_terraform
from migrations import Migration
from rollout import try_rollouts

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.append(str(ROOT / "tests/terraform"))

import tools  # noqa: E402

TOOLS = Path(os.environ.get("LYCEUM_TOOLS", ROOT / ".fleet/tools")) / "pipeline"
BIN = Path(sys.executable).parent
CANNOT_RUN = 77
NPM = ["gitlab-ci-local@4.75.1"]
# What people may change and a clone does not have yet.
TRIED = [".ci", ".gitlab-ci.yml", "tests/pipeline", "tests/terraform", "tests/images"]
# `format` would fail here for what `.ci/run` has said already.
REALLY_RUN = ["migrations", "scripts"]
# Scripts that lie elsewhere.
OUTSIDE = ["terraform/make-secrets", "deploy/docker/stand-ins/make", "deploy/docker/lay-out", "deploy/backup/lay-out"]
# Read by others.
PARTS = {"environment", "registry"}
ALWAYS = {
    "ci-image",
    "format",
    "lint",
    "migrations",
    "scripts",
    "contract",
    "dependencies",
    "crates",
    "journeys",
    "platform",
    "coverage",
}
JOBS = {
    "merge request": (
        {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""},
        ALWAYS | {"review-images", "review", "stop-review"},
    ),
    "default branch": (
        {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"},
        ALWAYS
        | {"images", "scan", "chart", "staging"}
        | {"plan-staging", "apply-staging", "plan-production", "apply-production"},
    ),
    "tag": (
        {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "", "CI_COMMIT_TAG": "v1.2.3"},
        {"ci-image", "release", "scan-release", "chart", "production"},
    ),
}
# Nothing of these may happen by itself.
BY_HAND = {"apply-staging", "apply-production", "production", "review-images", "review", "stop-review"}


class Missing(Exception):
    """Something that cannot be had on this machine."""


def run(
    command: list[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"} | (env or {})
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment, text=True, capture_output=True)


def must(command: list[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = run(command, cwd, env)
    if done.returncode:
        raise SystemExit(f"`{' '.join(map(str, command))}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


# ── scripts ──


def scripts() -> None:
    programs = [path for path in sorted((ROOT / ".ci").iterdir()) if not path.suffix]
    must(
        [
            "shellcheck",
            "--external-sources",
            "--source-path",
            ROOT / ".ci",
            *programs,
            *(ROOT / name for name in OUTSIDE),
        ]
    )
    for path in programs:
        if path.name not in PARTS and not os.access(path, os.X_OK):
            raise SystemExit(f"{path} cannot be run")
    print(f"    {len(programs)} scripts are clean", flush=True)
    for line in (*try_rollouts(ROOT), *try_terraform(ROOT)):
        print(f"    {line}", flush=True)


# ── migrations ──


def check_migrations() -> None:
    def made(texts: list[str]) -> list[Migration]:
        return [Migration(f"services/x/migrations/2027010100000{n}_m.sql", text) for n, text in enumerate(texts)]

    wrong = []
    for what, texts, rules in cases.REFUSED:
        found = {finding.rule for finding in migrations.check(made(texts), {})}
        if not rules <= found:
            wrong.append(f"{what}: {', '.join(rules - found)} was not found, but {found or 'nothing'}")
    for what, texts in cases.ACCEPTED:
        wrong += [f"{what}: {finding}" for finding in migrations.check(made(texts), {})]
    one = made(["create table t (a int);"])[0]
    released = {one.path: one.digest}
    later = Migration("services/x/migrations/20270101000009_m.sql", "create table u (a int);")
    earlier = Migration("services/x/migrations/20260101000000_m.sql", "create table u (a int);")
    for what, files, count in (
        ("nothing new", [one], 0),
        ("something later", [one, later], 0),
        ("a released migration that was changed", [Migration(one.path, "create table t (a bigint);")], 1),
        ("a released migration that was removed", [later], 1),
        ("a migration before a released one", [one, earlier], 1),
    ):
        findings = migrations.check(files, released)
        if len(findings) != count:
            wrong.append(f"{what}: {[str(finding) for finding in findings]}")
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(f"    {len(cases.REFUSED)} bad migrations are refused, {len(cases.ACCEPTED)} good ones are not", flush=True)
    print("    ours: " + must([sys.executable, HERE / "migrations.py"]).splitlines()[-1], flush=True)


# ── shape ──


def local_gitlab() -> list[str | Path]:
    """gitlab-ci-local and the Node that it needs, from npm."""
    if not shutil.which("rsync"):
        if os.geteuid() == 0 and shutil.which("apt-get"):
            run(["apt-get", "update", "-qq"])
            run(
                ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", "rsync"],
                env={"DEBIAN_FRONTEND": "noninteractive"},
            )
        if not shutil.which("rsync"):
            raise Missing("gitlab-ci-local needs rsync (Debian: rsync)")
    TOOLS.mkdir(parents=True, exist_ok=True)
    marker = TOOLS / "installed"
    if not marker.exists() or marker.read_text() != " ".join(NPM):
        done = run([BIN / "npm", "install", "--no-audit", "--no-fund", "--prefix", TOOLS, *NPM])
        if done.returncode:
            raise Missing(f"{' '.join(NPM)} cannot be installed from npm:\n{done.stderr}")
        marker.write_text(" ".join(NPM))
    return [BIN / "node", TOOLS / "node_modules/gitlab-ci-local/dist/index.js"]


class Clone:
    """A clone of the repository, with what was changed meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "clone"
        must(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", self.path])
        for name in TRIED:
            source, target = ROOT / name, self.path / name
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self.gitlab = local_gitlab()

    def __call__(self, *arguments: str, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        given = [part for name, value in (variables or {}).items() for part in ("--variable", f"{name}={value}")]
        command = [*self.gitlab, "--ignore-predefined-vars", "CI_PIPELINE_SOURCE,CI_COMMIT_BRANCH,CI_COMMIT_TAG"]
        return run([*command, *given, *arguments], self.path)


def shape() -> None:
    validated = ["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    must([*validated, ".gitlab-ci.yml"])
    must(["gitlab-ci-verify", "--no-lint-api"])
    suites()
    ci_image()
    with tempfile.TemporaryDirectory() as folder:
        text = (ROOT / ".gitlab-ci.yml").read_text()
        broken = Path(folder, ".gitlab-ci.yml")
        mistakes: list[tuple[str, str, str, list[str | Path]]] = [
            (
                "a key that GitLab does not know",
                "  resource_group: staging\n",
                "  resourcegroup: staging\n",
                [*validated, broken],
            ),
            (
                "a variable without quotes",
                '"$VALUES" .fleet/images/release.yaml',
                "$VALUES .fleet/images/release.yaml",
                ["gitlab-ci-verify", "--no-lint-api", "--gitlab-ci-file", broken],
            ),
        ]
        for what, good, bad, command in mistakes:
            if good not in text:
                raise SystemExit(f".gitlab-ci.yml has no `{good}` any more: mend the list of mistakes")
            broken.write_text(text.replace(good, bad))
            if run(command).returncode == 0:
                raise SystemExit(f"{what} was let through")
            print(f"    refused: {what}", flush=True)
        clone = Clone(Path(folder))
        for what, (variables, expected) in JOBS.items():
            listed = clone("--list-json", "--evaluate-rule-changes", "false", variables=variables)
            try:
                said = json.loads(listed.stdout[listed.stdout.index("[\n") :])
                jobs = {job["name"]: job["when"] for job in said if job["when"] != "never"}
            except ValueError:
                raise SystemExit(
                    f"{what}: gitlab-ci-local cannot list the jobs:\n{listed.stdout}{listed.stderr}"
                ) from None
            if set(jobs) != expected:
                raise SystemExit(f"{what}: unexpected jobs {set(jobs) - expected}, missing jobs {expected - set(jobs)}")
            alone = {job for job, when in jobs.items() if when != "manual"} & BY_HAND
            if alone:
                raise SystemExit(f"{what}: {', '.join(alone)} would run without anybody's word")
            print(
                f"    {what}: {len(jobs)} jobs, by hand: {', '.join(sorted(set(jobs) & BY_HAND)) or 'none'}", flush=True
            )
        (clone.path / ".gitlab-ci.yml").write_text(
            text.replace("needs: [ci-image, images]", "needs: [ci-image, image]")
        )
        if clone("--list").returncode == 0:
            raise SystemExit("a job that waits for one that is not there was let through")
        print("    refused: a job that waits for one that is not there", flush=True)


def suites() -> None:
    """Every suite of the launcher runs in some job, and no job asks for one that is not there."""
    source = (ROOT / "deploy/fleet/src/test.rs").read_text()
    variants = re.findall(r"^    ([A-Z]\w+),$", source.split("enum Suite {")[1].split("\n}")[0], re.MULTILINE)
    every = {re.sub(r"(?<!^)(?=[A-Z])", "-", variant).lower() for variant in variants}
    # It needs a cluster.
    every.discard("cluster")
    asked: set[str] = set()
    for job in yaml.load((ROOT / ".gitlab-ci.yml").read_text(), Loader=GitLab).values():
        for line in job.get("script", []) if isinstance(job, dict) else []:
            if str(line).startswith(".ci/test "):
                asked |= set(str(line).split()[1:])
    if asked != every:
        raise SystemExit(
            f"suites that no job runs: {every - asked or 'none'}; that do not exist: {asked - every or 'none'}"
        )


def ci_image() -> None:
    """The name of the jobs' image follows its Dockerfile."""
    digest = hashlib.sha256((ROOT / "deploy/docker/ci/Dockerfile").read_bytes()).hexdigest()[:12]
    if f"CI_IMAGE: $PLACE/ci:{digest}\n" not in (ROOT / ".gitlab-ci.yml").read_text():
        raise SystemExit(
            f"deploy/docker/ci/Dockerfile has changed: CI_IMAGE in .gitlab-ci.yml must end with ci:{digest}"
        )


class GitLab(yaml.SafeLoader):
    """YAML with GitLab's own tag."""


def reference(loader: GitLab, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


GitLab.add_constructor("!reference", reference)


# ── jobs ──


def jobs() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(Path(folder))
        variables = {
            "CI_PIPELINE_SOURCE": "push",
            "CI_COMMIT_BRANCH": "main",
            "CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo")),
        }
        shell = ["--force-shell-executor", "--evaluate-rule-changes", "false", "--no-artifacts-to-source"]
        for job in REALLY_RUN:
            started = time.monotonic()
            done = clone(*shell, job, variables=variables)
            if done.returncode:
                raise SystemExit(f"the job {job} failed:\n{done.stdout}{done.stderr}")
            print(f"    {job:<12} passed {time.monotonic() - started:5.0f} s", flush=True)
        service = next((clone.path / "services").glob("*/migrations"))
        (service / "20991231235959_bad.sql").write_text("drop table users;\n")
        done = clone(*shell, "migrations", variables=variables)
        if done.returncode == 0 or "ban-drop-table" not in done.stdout + done.stderr:
            raise SystemExit(f"the job migrations let a dropped table through:\n{done.stdout}{done.stderr}")
        print("    migrations   fails on a dropped table", flush=True)


# ── release, roots ──


def releases() -> None:
    for line in release.try_release(tools.helm()):
        print(f"    {line}", flush=True)


def in_roots(names: list[str] | None = None) -> None:
    def listing() -> str:
        with tempfile.TemporaryDirectory() as folder:
            said = Clone(Path(folder))("--preview", "--evaluate-rule-changes", "false").stdout
        return said[said.index("---") :]

    if os.geteuid() != 0:
        raise Missing("containers are started by root only")
    roots.main(tools.helm(), listing, names or [])


def main() -> int:
    steps: dict[str, Callable[[], None]] = {
        "scripts": scripts,
        "migrations": check_migrations,
        "shape": shape,
        "jobs": jobs,
        "release": releases,
        "roots": in_roots,
    }
    try:
        if sys.argv[1:2] == ["roots"]:
            in_roots(sys.argv[2:])
            return 0
        for name in sys.argv[1:] or steps:
            started = time.monotonic()
            steps[name]()
            print(f"  {name:<12}{time.monotonic() - started:12.0f} s", flush=True)
    except (Missing, tools.Missing) as missing:
        print(f"pipeline: {missing}")
        return CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main())
