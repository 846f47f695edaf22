"""The chart as a package: it lints, has one version, fits into a release, shows what deploy/ holds, and lets a
digest win."""

import base64
import gzip
import json
import re
import tempfile
from pathlib import Path

import yaml
from cases import CASES, VERSIONS, RenderFailed, canonical, containers, pods, render
from tools import CHART, HERE, ROOT, run_helm

# What etcd takes of a Secret; Helm keeps a whole release in one.
SECRET_LIMIT = 1024 * 1024


def check_lint() -> list[str]:
    bad = []
    for case in CASES:
        done = run_helm("lint", str(CHART), "--strict", "--quiet", *case.arguments())
        if done.returncode != 0:
            bad.append(f"{case.name}: {done.stdout.strip()} {done.stderr.strip()}")
    return bad


def check_versions() -> list[str]:
    """The workspace, the chart and its sub-chart are released together."""
    manifest = (ROOT / "Cargo.toml").read_text()
    [workspace] = re.findall(r'^version = "(.+)"', manifest, re.MULTILINE)
    bad = []
    for path in (CHART / "Chart.yaml", CHART / "charts/service/Chart.yaml"):
        chart = yaml.safe_load(path.read_text())
        for key in ("version", "appVersion"):
            if chart.get(key) != workspace:
                bad.append(f"{path.relative_to(ROOT)}: {key} is {chart.get(key)}, the workspace {workspace}")
    return bad


def check_every_kubernetes() -> list[str]:
    """What is rendered is the same for every Kubernetes that is promised, so that it is validated for each."""
    bad = []
    for case in CASES:
        newest = sorted(map(canonical, case.documents))
        for version in VERSIONS[:-1]:
            try:
                same = case.trial or sorted(map(canonical, render(case.arguments(), version))) == newest
            except RenderFailed as error:
                bad.append(f"{case.name}, Kubernetes {version}: {error}")
                continue
            if not same:
                bad.append(f"{case.name}: Kubernetes {version} gets something else, which nothing here has looked at")
    return bad


def check_package() -> list[str]:
    """The package holds no tests and notes of ours, and a release of everything fits into its Secret."""
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        done = run_helm("package", str(CHART), "--destination", folder)
        if done.returncode != 0:
            return [done.stderr.strip()]
        package = next(Path(folder).glob("*.tgz"))
        shown = run_helm("show", "chart", str(package))
        if shown.returncode != 0:
            bad.append(shown.stderr.strip())
        size = package.stat().st_size
    for case in CASES:
        manifest = gzip.compress(json.dumps(case.documents).encode())
        # The chart and what it became, as Helm keeps them: compressed, then in base64 once, and once more by the API.
        whole = len(base64.b64encode(manifest)) + size * 4 // 3
        if whole > SECRET_LIMIT * 0.7:
            bad.append(f"{case.name}: a release takes {whole // 1024} KiB of its Secret's {SECRET_LIMIT // 1024}")
    return bad


def check_embedded() -> list[str]:
    """Dashboards and rules in the chart are those of deploy/, to the byte."""
    bad = []
    pairs = [
        ("deploy/grafana/dashboards", "files/dashboards", "*.json"),
        ("deploy/prometheus/rules", "files/rules", "*.yaml"),
    ]
    for source, copy, pattern in pairs:
        originals = {path.name: path.read_bytes() for path in (ROOT / source).glob(pattern)}
        copies = {path.name: path.read_bytes() for path in (CHART / copy).glob(pattern)}
        # What a release has is known to its values only: files/presence instead.
        originals.pop("presence.yaml", None)
        if not originals:
            bad.append(f"{source} is empty")
        for name in sorted(set(originals) | set(copies)):
            if originals.get(name) != copies.get(name):
                bad.append(f"{copy}/{name} is not what {source} has")
    production = next(case for case in CASES if case.name == "production")
    text = "".join(map(canonical, production.documents))
    for name in (path.name for path in (CHART / "files/dashboards").glob("*.json")):
        if name not in text:
            bad.append(f"the dashboard {name} is not rendered")
    groups = [g["name"] for d in production.documents if d["kind"] == "PrometheusRule" for g in d["spec"]["groups"]]
    for path in (CHART / "files/rules").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            if groups.count(group["name"]) != 1:
                bad.append(f"the rules {group['name']} are rendered {groups.count(group['name'])} times")
    return bad


def check_digests() -> list[str]:
    """A digest wins over the tag beside it, for our own images and for those of others."""
    case = next(case for case in CASES if case.name == "digests")
    bad = []
    for document, pod in pods(case.documents):
        for container in containers(pod):
            if "@sha256:" not in container["image"]:
                bad.append(f"{document['kind']}/{document['metadata']['name']}: {container['image']}")
            elif ":" in container["image"].partition("@")[0].rsplit("/", 1)[-1]:
                bad.append(f"a tag beside the digest: {container['image']}")
    return bad


def check_renders_same_twice() -> list[str]:
    """Nothing random: a tool that renders again and again, such as Argo CD, would see changes for ever."""
    bad = []
    for case in CASES:
        if not case.trial and sorted(map(canonical, render(case.arguments()))) != sorted(
            map(canonical, case.documents)
        ):
            bad.append(f"{case.name}: two renders differ")
    return bad


def check_cases_are_used() -> list[str]:
    used = {name for case in CASES for name in case.values}
    there = {path.name for path in (HERE / "cases").glob("*.yaml")} | {
        path.name for path in CHART.glob("values-*.yaml")
    }
    return [f"no case uses {name}" for name in sorted(there - used)]
