"""Each rule is shown something that breaks it. A rule that says nothing then has stopped watching."""

import copy
from collections.abc import Callable

import kinds
import network
import pods
import releases
import watching
from cases import CASES, Case, Document


def find(documents: list[Document], kind: str, name: str = "") -> Document:
    return next(d for d in documents if d["kind"] == kind and name in d["metadata"]["name"])


def deployment(documents: list[Document], name: str = "courses") -> Document:
    spec: Document = find(documents, "Deployment", name)["spec"]["template"]["spec"]
    return spec


def container(documents: list[Document], name: str = "courses") -> Document:
    first: Document = deployment(documents, name)["containers"][0]
    return first


def of_pods(rule: Callable[[list[Document]], list[str]]) -> Callable[[Case], list[str]]:
    return lambda case: rule(case.documents)


def native(case: Case) -> list[str]:
    return [
        failure for d in case.documents if d["kind"] == "Deployment" and (failure := kinds.native_failures(d, "1.34"))
    ]


def foreign(case: Case) -> list[str]:
    return kinds.compile_models([(case.name, d) for d in case.documents if d["kind"] == "ServiceMonitor"])


def drop(documents: list[Document], kind: str, name: str = "") -> None:
    documents.remove(find(documents, kind, name))


def open_everything(documents: list[Document]) -> None:
    find(documents, "NetworkPolicy", "courses")["spec"]["ingress"].append({})


def leave_everywhere(documents: list[Document]) -> None:
    find(documents, "NetworkPolicy", "courses")["spec"]["egress"].append({})


# What is done to production's objects → the rule that has to notice.
MUTATIONS: list[tuple[str, Callable[[list[Document]], object], Callable[[Case], list[str]]]] = [
    ("a pod as root", lambda d: deployment(d)["securityContext"].update(runAsNonRoot=False), of_pods(pods.restricted)),
    (
        "a host's folder",
        lambda d: deployment(d)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        of_pods(pods.restricted),
    ),
    (
        "a capability",
        lambda d: container(d)["securityContext"].update(capabilities={"drop": []}),
        of_pods(pods.restricted),
    ),
    (
        "a root that can be written to",
        lambda d: container(d)["securityContext"].pop("readOnlyRootFilesystem"),
        of_pods(pods.restricted),
    ),
    ("a variable twice", lambda d: container(d)["env"].append(container(d)["env"][0]), of_pods(pods.nothing_twice)),
    ("no liveness", lambda d: container(d).pop("livenessProbe"), of_pods(pods.probes)),
    ("no limit", lambda d: container(d)["resources"].pop("limits"), of_pods(pods.resources)),
    ("the latest image", lambda d: container(d).update(image="lyceum/courses:latest"), of_pods(pods.images)),
    ("an image without a tag", lambda d: container(d).update(image="registry:5000/courses"), of_pods(pods.images)),
    ("a token for nothing", lambda d: drop(d, "RoleBinding", "courses"), of_pods(pods.accounts)),
    ("a wide role", lambda d: find(d, "Role")["rules"][0].update(resources=["secrets"]), of_pods(pods.accounts)),
    ("service links", lambda d: deployment(d).pop("enableServiceLinks"), of_pods(pods.service_links)),
    ("little grace", lambda d: deployment(d).update(terminationGracePeriodSeconds=10), of_pods(pods.stops_in_time)),
    ("an object twice", lambda d: d.append(d[0]), releases.unique),
    ("an object without labels", lambda d: d[0]["metadata"].update(labels={}), releases.labelled),
    (
        "replicas beside an autoscaler",
        lambda d: find(d, "Deployment", "gateway")["spec"].update(replicas=3),
        releases.scaled_once,
    ),
    (
        "a port that nobody has",
        lambda d: find(d, "Service", "courses")["spec"]["ports"][0].update(targetPort="grcp"),
        releases.services_lead_somewhere,
    ),
    ("a door of its own", lambda d: find(d, "Service", "courses")["spec"].update(type="NodePort"), releases.one_door),
    ("no budget", lambda d: drop(d, "PodDisruptionBudget", "courses"), releases.disrupted_gently),
    ("a Secret", lambda d: d.append({"kind": "Secret", "metadata": {"name": "x"}}), releases.secrets_come_from_outside),
    ("no migration", lambda d: drop(d, "Job", "users-migrate"), releases.migrations),
    ("a store that nobody watches", lambda d: d.append({"kind": "Redis", "metadata": {"name": "x"}}), watching.stores),
    ("a service that nobody misses", lambda d: drop(d, "PrometheusRule", "presence"), watching.told),
    ("no policy", lambda d: drop(d, "NetworkPolicy", "courses"), network.guarded),
    ("nothing denied", lambda d: drop(d, "NetworkPolicy", "default-deny"), network.guarded),
    ("an open door", open_everything, network.never),
    ("an open exit", leave_everywhere, network.never),
    ("another table", leave_everywhere, lambda case: network.check_table(case, accept=False)),
    ("an unknown field", lambda d: container(d).update(livenesProbe={}), native),
    (
        "an unknown field of a foreign resource",
        lambda d: find(d, "ServiceMonitor")["spec"].update(endpoint=[]),
        foreign,
    ),
]


def check() -> list[str]:
    production = next(case for case in CASES if case.name == "production")
    bad = []
    for what, change, rule in MUTATIONS:
        changed = copy.copy(production)
        changed.documents = copy.deepcopy(production.documents)
        try:
            before = len(rule(changed))
            change(changed.documents)
        except (StopIteration, KeyError) as error:
            bad.append(f"{what}: production has nothing to break: {error!r}")
            continue
        if len(rule(changed)) <= before:
            bad.append(f"{what}: nobody noticed")
    return bad
