"""What ARCHITECTURE promises, read out of the rendered objects. Each check begins with the sentence that it holds the
chart to: a sentence that is gone takes its check with it."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cases
import yaml
from cases import CASES, RELEASE, Case, Document, containers, name_of, pods
from releases import trusted_proxies
from tools import CHART, ROOT, run_helm

COMPONENT = "app.kubernetes.io/component"
# What a service keeps of people, or of money.
PEOPLE = {
    "users": "accounts, names and addresses",
    "notifications": "addresses, and what people were told",
    "documents": "papers, and names on certificates",
}
MONEY = {"payments": "orders and refunds"}


def promises(sentence: str, file: str = "ARCHITECTURE.md") -> list[str]:
    text = " ".join((ROOT / file).read_text().split())
    return [] if sentence in text else [f"{file} does not promise any more: {sentence}"]


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container.get("env", []) if "value" in variable}


def programs(case: Case) -> Iterator[tuple[str, Document, dict[str, Any], dict[str, str]]]:
    """Each pod of ours as service, document, pod and what it is told in the clear."""
    for document, pod in pods(case.documents):
        component = pod["metadata"].get("labels", {}).get(COMPONENT, "").removesuffix("-migrate")
        for container in containers(pod):
            yield component, document, pod["spec"], variables(container)


def traces(case: Case) -> list[str]:
    """Errors are kept only by who gets them: everything is sent, to the collectors of deploy/tracing."""
    bad = promises("so services send everything (`global.tracing.ratio: 1` beside a collector)")
    [space] = re.findall(r"^namespace: (\S+)", (ROOT / "deploy/tracing/kustomization.yaml").read_text(), re.M)
    services = list(yaml.safe_load_all((ROOT / "deploy/tracing/services.yaml").read_text()))
    [balancer] = [d for d in services if d["kind"] == "Service" and d["spec"].get("clusterIP") != "None"]
    there = f"http://{balancer['metadata']['name']}.{space}.svc:{balancer['spec']['ports'][0]['port']}"
    for _, document, _, told in programs(case):
        if "LYCEUM_OTLP_ENDPOINT" in told and told.get("LYCEUM_TRACE_RATIO") != "1":
            bad.append(f"{name_of(document)} sends {told.get('LYCEUM_TRACE_RATIO')} of its traces")
        if told.get("LYCEUM_OTLP_ENDPOINT", there) != there:
            bad.append(
                f"{name_of(document)} sends traces to {told['LYCEUM_OTLP_ENDPOINT']}, the collectors are {there}"
            )
    if not any("LYCEUM_OTLP_ENDPOINT" in told for _, _, _, told in programs(case)):
        bad.append("nobody sends traces")
    return bad


def apart(case: Case) -> list[str]:
    """Nodes and servers of people and of money, those of their migrations and dumps as well."""
    bad = promises("Personal data and money stand on nodes and PostgreSQL servers of their own.")
    restricted = {**PEOPLE, **MONEY}
    nodes: dict[str, set[str]] = {}
    servers: dict[str, set[str]] = {}
    for service, document, spec, told in programs(case):
        # A dump reads what its service keeps.
        job = document["metadata"]["labels"].get("lyceum.io/backup", "")
        owner = {"erasures": "users", "objects": "documents"}.get(job, job.removeprefix("postgres-")) or service
        place = json.dumps([spec.get("nodeSelector"), spec.get("tolerations")])
        nodes.setdefault(owner, set()).add(place)
        if url := told.get("LYCEUM_DATABASE_URL"):
            servers.setdefault(owner, set()).add(urlsplit(url).hostname or "")
        if "PGHOST" in told:
            servers.setdefault(owner, set()).add(told["PGHOST"])
    for groups, what in ((nodes, "nodes"), (servers, "a server")):
        others = set().union(*(places for owner, places in groups.items() if owner not in restricted))
        for owner, keeps in restricted.items():
            if not groups.get(owner) or groups[owner] & others:
                bad.append(f"{owner} keeps {keeps} and shares {what} with the rest: {groups.get(owner)}")
    if set().union(*(servers[owner] for owner in MONEY)) & set().union(*(servers[owner] for owner in PEOPLE)):
        bad.append(f"money and people share a server: {servers}")
    return bad


def in_order(case: Case) -> list[str]:
    """Who consumes in order, by the program itself, is not scaled by its queue."""
    bad = promises("one replica hears them, the others stand by", "helm/lyceum/charts/service/values.yaml")
    sources = ROOT.glob("services/*/src/**/*.rs")
    consumers = {path.relative_to(ROOT).parts[1] for path in sources if "BatchConsumer" in path.read_text()}
    said = {name for name, values in yaml.safe_load((CHART / "values.yaml").read_text()).items() if in_order_of(values)}
    if not consumers or consumers != said:
        bad.append(f"in their order consume {sorted(consumers)}, the values say {sorted(said)}")
    for document in case.documents:
        if document["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = document["spec"]["scaleTargetRef"]["name"].removeprefix(f"{RELEASE}-")
            if target in consumers:
                bad.append(f"{name_of(document)} makes pods that stand by")
    return bad


def in_order_of(values: object) -> bool:
    return isinstance(values, dict) and bool(values.get("inOrder"))


def encrypted(case: Case) -> list[str]:
    """A server shows who it is before it is told anything."""
    bad = promises("everything # encrypted and watched", "helm/lyceum/values-production.yaml")
    authorities = {"DATABASE_URL": "DATABASE_CA", "AMQP_URL": "AMQP_CA", "REDIS_URL": "REDIS_CA"}
    for service, document, _, told in programs(case):
        url = told.get("LYCEUM_DATABASE_URL")
        if url and parse_qs(urlsplit(url).query).get("sslmode") != ["verify-full"]:
            bad.append(f"{name_of(document)} believes any database: {url}")
        if "PGHOST" in told and told.get("PGSSLMODE") != "verify-full":
            bad.append(f"{name_of(document)} dumps from any database")
        for address, authority in authorities.items():
            # With an authority the programs refuse addresses in the clear.
            known = f"LYCEUM_{address}" in told or f"LYCEUM_{address}_FILE" in told
            if known and f"LYCEUM_{authority}_FILE" not in told:
                bad.append(f"{name_of(document)} does not know who vouches for {address.partition('_')[0].lower()}")
        neighbours = [value for name, value in told.items() if re.fullmatch(r"LYCEUM_[A-Z]+_URL", name)]
        for neighbour in neighbours:
            if neighbour.startswith(("http:", "kube:")):
                bad.append(f"{service} calls {neighbour} in the clear")
    return bad


def proxies(case: Case) -> list[str]:
    """The gateway believes as many proxies as stand before it."""
    bad = promises("The gateway is the only door.")
    if case.without == "gateway":
        return bad
    kinds = {document["kind"] for document in case.documents}
    [gateway] = [d for d in case.documents if name_of(d) == f"Service/{RELEASE}-gateway"]
    shown, believed = bool(kinds & {"HTTPRoute", "Ingress"}), trusted_proxies(case)
    if gateway["spec"]["type"] != "ClusterIP" and not shown and believed != "0":
        bad.append("strangers choose their address")
    if shown and not case.trial and believed == "0":
        bad.append("everybody calls from the proxy's address")
    return bad


def kept(case: Case) -> list[str]:
    """Every database is dumped, and who installs without backups is told."""
    bad = promises("dumps for public keys (age) by CronJobs elsewhere")
    jobs = {d["metadata"]["labels"].get("lyceum.io/backup") for d in case.documents if d["kind"] == "CronJob"}
    owners = {service for service, _, _, told in programs(case) if "LYCEUM_DATABASE_URL" in told}
    bad += [
        f"nobody backs up {job}"
        for job in sorted({f"postgres-{owner}" for owner in owners} | {"erasures", "rabbitmq", "objects", "verify"})
        if job not in jobs
    ]
    for name, wanted in (("production", False), ("operators", False), ("plain", True), ("dev", False)):
        # A dry run of an install shows the notes; nothing is asked of a cluster.
        arguments = ["install", RELEASE, str(CHART), "--dry-run=client", *cases.find(name).arguments()]
        said = run_helm(*arguments).stdout.partition("NOTES:")[2]
        if ("nothing is backed up" in said) != wanted:
            bad.append(f"{name}: the notes say {'nothing' if wanted else 'something'} about missing backups")
    # Who has operators keeps WAL, or a day is lost with the volumes.
    clusters = [d for d in cases.find("operators").documents if d["kind"] == "Cluster"]
    if not all(any(plugin.get("isWALArchiver") for plugin in d["spec"].get("plugins", [])) for d in clusters):
        bad.append("operators: nobody archives WAL")
    return bad


OF_PRODUCTION: list[Callable[[Case], list[str]]] = [traces, apart, encrypted, kept]
OF_ALL: list[Callable[[Case], list[str]]] = [in_order, proxies]


def check() -> list[str]:
    bad = [failure for promise in OF_PRODUCTION for failure in promise(cases.find("production"))]
    return bad + [f"{case.name}: {failure}" for promise in OF_ALL for case in CASES for failure in promise(case)]


def templates(documents: list[Document]) -> dict[str, str]:
    """What every lasting pod and every CronJob's is made from: where it changes, pods are replaced."""
    lasting = ("Deployment", "StatefulSet", "CronJob")
    return {
        name_of(document): json.dumps(pod, sort_keys=True)
        for document, pod in pods(documents)
        if document["kind"] in lasting
    }


def changed(before: list[Document], after: list[Document]) -> set[str]:
    old, new = templates(before), templates(after)
    return {name for name in old | new if old.get(name) != new.get(name)}


def check_alone() -> list[str]:
    """A dashboard's change, or a new version of the chart, restarts nothing; a release of one service rolls it alone."""
    bad = []
    for case in CASES:
        if case.trial:
            continue
        with tempfile.TemporaryDirectory() as folder:
            chart = Path(folder) / "lyceum"
            shutil.copytree(CHART, chart)
            for file in (chart / "Chart.yaml", chart / "charts/service/Chart.yaml"):
                text = file.read_text()
                file.write_text(re.sub(r"\bversion: [0-9.]+", "version: 9.9.9", text))
            dashboard = next((chart / "files/dashboards").glob("*.json"))
            dashboard.write_text(dashboard.read_text().replace('"title"', '"description": "new", "title"', 1))
            done = run_helm("template", RELEASE, str(chart), "--namespace", cases.NAMESPACE, *case.arguments())
        if done.returncode != 0:
            return [done.stderr.strip()]
        after = [document for document in yaml.load_all(done.stdout, Loader=cases.Loader) if document]
        bad += [f"{case.name}: a dashboard's change restarts {name}" for name in sorted(changed(case.documents, after))]
    production = cases.find("production")
    for field in ("tag=9.9.9", f"digest=sha256:{64 * '7'}"):
        after = cases.render([*production.arguments(), "--set", f"payments.image.{field}"])
        if (found := changed(production.documents, after)) != {f"Deployment/{RELEASE}-payments"}:
            bad.append(f"a release of payments alone rolls {sorted(found)}")
    return bad
