"""Each rule is shown something that breaks it. A rule that says nothing then has stopped watching."""

import copy
from collections.abc import Callable

import cases
import kinds
import network
import pods
import promises
import releases
import watching
from cases import Case, Document


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


def own(case: Case) -> list[str]:
    return [failure for d in case.documents for failure in kinds.own_failures(d)]


def drop(documents: list[Document], kind: str, name: str = "") -> None:
    documents.remove(find(documents, kind, name))


def open_everything(documents: list[Document]) -> None:
    find(documents, "NetworkPolicy", "lyceum-courses")["spec"]["ingress"].append({})


def leave_everywhere(documents: list[Document]) -> None:
    find(documents, "NetworkPolicy", "lyceum-courses")["spec"]["egress"].append({})


def tell(documents: list[Document], service: str, variable: str, old: str, new: str) -> None:
    """Another value of a variable, which has to be there."""
    [told] = [entry for entry in container(documents, service)["env"] if entry["name"] == variable]
    assert old in told["value"]
    told["value"] = told["value"].replace(old, new)


def untell(documents: list[Document], service: str, variable: str) -> None:
    env = container(documents, service)["env"]
    env.remove(next(entry for entry in env if entry["name"] == variable))


def move(documents: list[Document], kind: str, name: str, beside: str) -> None:
    """Puts the pods of one object onto the nodes of another service."""
    there = deployment(documents, beside)
    pod = cases.pod_of(find(documents, kind, name))
    assert pod is not None
    pod["spec"].update(nodeSelector=there.get("nodeSelector"), tolerations=there.get("tolerations"))


def open_to_the_world(documents: list[Document]) -> None:
    find(documents, "Service", "gateway")["spec"].update(type="LoadBalancer")
    for route in [document for document in documents if document["kind"] == "HTTPRoute"]:
        documents.remove(route)


def scale_in_order(documents: list[Document]) -> None:
    find(documents, "ScaledObject")["spec"]["scaleTargetRef"]["name"] = "lyceum-analytics"


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
    ("no policy", lambda d: drop(d, "NetworkPolicy", "lyceum-courses"), network.guarded),
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
    ("a sampled trace", lambda d: tell(d, "payments", "LYCEUM_TRACE_RATIO", "1", "0.1"), promises.traces),
    (
        "traces to nobody",
        lambda d: tell(d, "users", "LYCEUM_OTLP_ENDPOINT", "lyceum-balancer", "otel-collector"),
        promises.traces,
    ),
    ("papers on everybody's nodes", lambda d: move(d, "Deployment", "documents", "courses"), promises.apart),
    (
        "a dump of money on everybody's nodes",
        lambda d: move(d, "CronJob", "postgres-payments", "courses"),
        promises.apart,
    ),
    (
        "addresses on everybody's server",
        lambda d: tell(d, "notifications", "LYCEUM_DATABASE_URL", "postgres-people", "postgres-general"),
        promises.apart,
    ),
    ("any database", lambda d: tell(d, "users", "LYCEUM_DATABASE_URL", "verify-full", "require"), promises.encrypted),
    ("any broker", lambda d: untell(d, "payments", "LYCEUM_AMQP_CA_FILE"), promises.encrypted),
    ("any Redis", lambda d: untell(d, "gateway", "LYCEUM_REDIS_CA_FILE"), promises.encrypted),
    ("an order that is scaled", scale_in_order, promises.in_order),
    ("strangers that choose their address", open_to_the_world, promises.proxies),
    ("everybody at one address", lambda d: tell(d, "gateway", "LYCEUM_TRUSTED_PROXIES", "1", "0"), promises.proxies),
    ("no dump", lambda d: drop(d, "CronJob", "postgres-courses"), promises.kept),
    (
        "KEDA without an authority",
        lambda d: find(d, "TriggerAuthentication")["spec"]["secretTargetRef"].pop(),
        releases.asked_about_the_broker,
    ),
    (
        "KEDA in the clear",
        lambda d: find(d, "TriggerAuthentication")["spec"].pop("configMapTargetRef"),
        releases.asked_about_the_broker,
    ),
    (
        "a migration that nobody waits for",
        lambda d: find(d, "Job", "users-migrate")["spec"].update(activeDeadlineSeconds=5000),
        releases.migrations,
    ),
]
# The same of an installation whose stores are kept by operators.
OF_OPERATORS: list[tuple[str, Callable[[list[Document]], object], Callable[[Case], list[str]]]] = [
    (
        "a broker that finds nobody",
        lambda d: find(d, "NetworkPolicy", "rabbitmq")["spec"].update(egress=[]),
        network.stores_live,
    ),
    (
        "servers that may not bring their WAL away",
        lambda d: find(d, "NetworkPolicy", "lyceum-postgresql")["spec"]["egress"].pop(),
        network.stores_live,
    ),
    (
        "definitions that nobody may read",
        lambda d: find(d, "NetworkPolicy", "lyceum-rabbitmq")["spec"]["ingress"].pop(2),
        network.stores_live,
    ),
    (
        "dead letters that a look throws away",
        lambda d: find(d, "RabbitmqCluster")["spec"]["rabbitmq"].update(
            additionalConfig="disk_free_limit.relative = 1.0"
        ),
        releases.dead_letters_stay,
    ),
    ("an unknown field of an operator's object", lambda d: find(d, "Cluster")["spec"].update(plugin=[]), own),
    (
        "an affinity that Kubernetes does not know",
        lambda d: find(d, "RabbitmqCluster")["spec"]["affinity"]["podAntiAffinity"].update(required=[]),
        own,
    ),
]


def check() -> list[str]:
    bad = []
    of = {"production": MUTATIONS, "operators-namespace": OF_OPERATORS}
    for case, mutations in [(cases.find(name), mutations) for name, mutations in of.items()]:
        for what, change, rule in mutations:
            changed = copy.copy(case)
            changed.documents = copy.deepcopy(case.documents)
            try:
                before = len(rule(changed))
                change(changed.documents)
            except (StopIteration, KeyError, IndexError, AssertionError) as error:
                bad.append(f"{what}: {case.name} has nothing to break: {error!r}")
                continue
            if len(rule(changed)) <= before:
                bad.append(f"{what}: nobody noticed")
    return bad
