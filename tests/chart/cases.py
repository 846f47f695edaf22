"""The rendered matrix: one release a case, each a way in which somebody really installs the chart."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import yaml
from tools import CHART, HERE, ROOT, run_helm

NAMESPACE = "school"
RELEASE = "lyceum"
# The releases of Kubernetes that the chart promises to suit.
VERSIONS = ["1.31", "1.32", "1.33", "1.34", "1.35"]

# The fast one, where PyYAML was built with it.
Loader: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Document = dict[str, Any]


@dataclass
class Case:
    """An installation: its values, and what came out."""

    name: str
    # Files of values, in order: of the chart's folder, of `cases/`, or of the repository.
    values: list[str]
    # It is for trying only; a few rules of production do not hold.
    trial: bool = False
    # A service that the release does not have.
    without: str = ""
    documents: list[Document] = field(default_factory=list)

    def arguments(self) -> list[str]:
        places = (CHART, HERE / "cases", ROOT)
        files = [next(place / name for place in places if (place / name).exists()) for name in self.values]
        return [argument for file in files for argument in ("--values", str(file))]


CASES = [
    # The chart's defaults and the least that has to be said.
    Case("plain", ["least.yaml"]),
    Case("dev", ["values-dev.yaml"], trial=True),
    Case("production", ["values-production.yaml"]),
    Case("ingress", ["least.yaml", "ingress.yaml"]),
    Case("gateway-api", ["least.yaml", "gateway-api.yaml"]),
    Case("no-monitoring", ["values-production.yaml", "no-monitoring.yaml"]),
    Case("mtls", ["least.yaml", "mtls.yaml"]),
    Case("operators", ["values-operators.yaml"]),
    Case("watched", ["values-operators.yaml", "watched.yaml"], without="gateway"),
    Case("keda", ["least.yaml", "keda.yaml"]),
    Case("external-secrets", ["least.yaml", "external-secrets.yaml"]),
    Case("digests", ["least.yaml", "digests.yaml"]),
    Case("backup", ["least.yaml", "backup.yaml"]),
    # Faults lie where two of them meet.
    Case("operators-namespace", ["values-operators.yaml", "operators-namespace.yaml"]),
    Case("operators-tls", ["values-operators.yaml", "operators-tls.yaml"]),
    Case("keda-authority", ["least.yaml", "keda.yaml", "mtls.yaml"]),
    Case("backup-authority", ["least.yaml", "backup.yaml", "mtls.yaml", "pooler.yaml"]),
    Case("load-balancer", ["least.yaml", "load-balancer.yaml"]),
    Case("dev-tls", ["values-dev.yaml", "tls.yaml"], trial=True),
    Case("review", ["values-dev.yaml", ".ci/review.yaml"], trial=True),
    Case("openshift", ["least.yaml", "openshift.yaml"]),
    Case("dual-stack", ["least.yaml", "backup.yaml", "dual-stack.yaml"]),
    Case("everything", ["least.yaml", "everything.yaml"]),
    Case("apart", ["least.yaml", "apart.yaml"]),
]


def find(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


class RenderFailed(Exception):
    """Helm's words."""


def render(arguments: list[str], version: str = VERSIONS[-1], release: str = RELEASE) -> list[Document]:
    """What Helm would send to the cluster."""
    done = run_helm("template", release, str(CHART), "--namespace", NAMESPACE, "--kube-version", version, *arguments)
    if done.returncode != 0:
        raise RenderFailed(done.stderr.strip())
    return [document for document in yaml.load_all(done.stdout, Loader=Loader) if document]


def render_all() -> list[str]:
    """Renders every case for the newest Kubernetes; what could not be rendered is told."""
    failures = []

    def one(case: Case) -> None:
        try:
            case.documents = render(case.arguments())
        except RenderFailed as error:
            failures.append(f"{case.name}: {error}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, CASES))
    return failures


def name_of(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def pod_of(document: Document) -> Document | None:
    """The pod template inside a document, if it makes pods."""
    match document["kind"]:
        case "Pod":
            return {"metadata": document["metadata"], "spec": document["spec"]}
        case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
            template: Document = document["spec"]["template"]
        case "CronJob":
            template = document["spec"]["jobTemplate"]["spec"]["template"]
        case _:
            return None
    return template


def pods(documents: list[Document]) -> Iterator[tuple[Document, Document]]:
    """Every document that makes pods, with its pod template."""
    for document in documents:
        if (pod := pod_of(document)) is not None:
            yield document, pod


def containers(pod: Document) -> list[Document]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def canonical(document: Document) -> str:
    return json.dumps(document, sort_keys=True)


if __name__ == "__main__":
    for chosen in CASES:
        if chosen.name in sys.argv[1:]:
            print(yaml.safe_dump_all(render(chosen.arguments())))
