"""Rules about a release as a whole: what belongs to what, and what must not meet."""

import base64
import re
from collections import Counter
from typing import Any

from cases import NAMESPACE, RELEASE, Case, containers, name_of, pods
from pods import LASTING


def selects(selector: dict[str, Any] | None, labels: dict[str, Any]) -> bool:
    """Whether a label selector fits; an empty one fits everything, none fits nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for want in selector.get("matchExpressions") or []:
        value, values = labels.get(want["key"]), want.get("values", [])
        fits = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": want["key"] in labels,
            "DoesNotExist": want["key"] not in labels,
        }
        if not fits[want["operator"]]:
            return False
    return True


def labels_of(pod: dict[str, Any]) -> dict[str, Any]:
    labels: dict[str, Any] = pod["metadata"].get("labels", {})
    return labels


def unique(case: Case) -> list[str]:
    """An object is made once, has a name that Kubernetes takes, and lies in the release's namespace."""
    bad = []
    count = Counter((document["apiVersion"], name_of(document)) for document in case.documents)
    bad += [f"{name} is made {times} times" for (_, name), times in count.items() if times > 1]
    for document in case.documents:
        if len(document["metadata"]["name"]) > 63:
            bad.append(f"{name_of(document)}: more than 63 characters")
        if document["metadata"].get("namespace", NAMESPACE) != NAMESPACE:
            bad.append(f"{name_of(document)}: in another namespace")
    return bad


def labelled(case: Case) -> list[str]:
    """The recommended labels everywhere; no version in what selects, or an upgrade would be refused."""
    bad = []
    wanted = {"name", "instance", "component", "part-of", "managed-by", "version"}
    for document in case.documents:
        labels = document["metadata"].get("labels", {})
        # Objects of the values' own, not of the chart.
        if document["metadata"]["name"] == f"{RELEASE}-review":
            continue
        missing = [name for name in sorted(wanted) if f"app.kubernetes.io/{name}" not in labels]
        if missing:
            bad.append(f"{name_of(document)}: no label {', '.join(missing)}")
        if document["kind"] in LASTING:
            selector = document["spec"]["selector"]["matchLabels"]
            if any("version" in key or "chart" in key for key in selector):
                bad.append(f"{name_of(document)}: selects by version")
            if not selects(document["spec"]["selector"], labels_of(document["spec"]["template"])):
                bad.append(f"{name_of(document)}: does not select its own pods")
    return bad


def scaled_once(case: Case) -> list[str]:
    """No number of replicas beside an autoscaler, and one autoscaler a Deployment: both would fight with the other."""
    bad: list[str] = []
    scaled: Counter[str] = Counter()
    made = {name_of(document): document for document in case.documents}
    for document in case.documents:
        if document["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = document["spec"]["scaleTargetRef"]
            scaled[f"{target.get('kind', 'Deployment')}/{target['name']}"] += 1
    for name, times in scaled.items():
        if times > 1:
            bad.append(f"{name}: {times} autoscalers")
        if name not in made:
            bad.append(f"{name} is scaled, but not made")
        elif "replicas" in made[name]["spec"]:
            bad.append(f"{name}: replicas beside an autoscaler")
    for name, document in made.items():
        if document["kind"] == "Deployment" and "replicas" not in document["spec"] and name not in scaled:
            bad.append(f"{name}: neither replicas nor an autoscaler")
    return bad


def services_lead_somewhere(case: Case) -> list[str]:
    """Each Service finds pods that have the port; each ServiceMonitor and route finds a Service that has it."""
    bad = []
    services = {d["metadata"]["name"]: d for d in case.documents if d["kind"] == "Service"}
    for name, service in services.items():
        if "selector" not in service["spec"]:
            continue
        found = [
            p for _, p in pods(case.documents) if selects({"matchLabels": service["spec"]["selector"]}, labels_of(p))
        ]
        ports = {port["name"] for pod in found for container in containers(pod) for port in container.get("ports", [])}
        if not found:
            bad.append(f"Service/{name}: selects nobody")
        for port in service["spec"]["ports"]:
            if isinstance(port.get("targetPort"), str) and port["targetPort"] not in ports and found:
                bad.append(f"Service/{name}: its pods have no port {port['targetPort']}")
    for document in case.documents:
        if document["kind"] == "ServiceMonitor":
            found = [
                s for s in services.values() if selects(document["spec"]["selector"], s["metadata"].get("labels", {}))
            ]
            offered = [{port["name"] for port in service["spec"]["ports"]} for service in found]
            for endpoint in document["spec"]["endpoints"]:
                if not any(endpoint["port"] in names for names in offered):
                    bad.append(f"{name_of(document)}: no Service has a port {endpoint['port']}")
        if document["kind"] == "HTTPRoute":
            for rule in document["spec"]["rules"]:
                for backend in rule.get("backendRefs", []):
                    ports = services.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]
                    if backend["port"] not in [port["port"] for port in ports]:
                        bad.append(f"{name_of(document)}: no Service {backend['name']}:{backend['port']}")
        if document["kind"] == "Ingress":
            for rule in document["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    backend = path["backend"]["service"]
                    ports = services.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]
                    wanted = backend["port"]
                    if not any(wanted.get("name") == p["name"] or wanted.get("number") == p["port"] for p in ports):
                        bad.append(f"{name_of(document)}: no Service {backend['name']} with {wanted}")
    return bad


def one_door(case: Case) -> list[str]:
    """Only the gateway is reached from outside, and no Service opens a port of the nodes."""
    bad = []
    for document in case.documents:
        if document["kind"] == "Service" and document["spec"].get("type", "ClusterIP") != "ClusterIP":
            # The gateway may be its own load balancer; then nobody stands before it whose word on the caller is taken.
            alone = document["metadata"]["name"] == f"{RELEASE}-gateway" and trusted_proxies(case) == "0"
            if not alone:
                bad.append(f"{name_of(document)}: {document['spec']['type']}")
        if document["kind"] == "HTTPRoute":
            backends = [b["name"] for rule in document["spec"]["rules"] for b in rule.get("backendRefs", [])]
        elif document["kind"] == "Ingress":
            paths = [path for rule in document["spec"]["rules"] for path in rule["http"]["paths"]]
            backends = [path["backend"]["service"]["name"] for path in paths]
        else:
            continue
        # A school for trying shows the bank's page and the files as well.
        doors = {f"{RELEASE}-gateway", *((f"{RELEASE}-dev-s3", f"{RELEASE}-dev-sandbox") if case.trial else ())}
        bad += [f"{name_of(document)}: leads to {name}" for name in backends if name not in doors]
    return bad


def trusted_proxies(case: Case) -> str:
    """How many proxies the gateway believes."""
    return next(
        str(variable["value"])
        for document, pod in pods(case.documents)
        if document["kind"] == "Deployment" and document["metadata"]["name"] == f"{RELEASE}-gateway"
        for variable in pod["spec"]["containers"][0]["env"]
        if variable["name"] == "LYCEUM_TRUSTED_PROXIES"
    )


def dead_letters_stay(case: Case) -> list[str]:
    """A broker that the release makes throws away nothing that was only looked at."""
    bad, told = [], {}
    for document in case.documents:
        if document["kind"] == "RabbitmqCluster":
            told[name_of(document)] = document["spec"]["rabbitmq"]["additionalConfig"]
        if document["kind"] == "Secret" and document["metadata"]["name"] == f"{RELEASE}-dev-rabbitmq":
            told[name_of(document)] = base64.b64decode(document["data"]["lyceum.conf"]).decode()
    for name, config in told.items():
        lines = dict(line.split(" = ", 1) for line in config.strip().splitlines())
        policy = {key.rsplit(".", 1)[1]: value for key, value in lines.items() if key.startswith("default_policies.")}
        pattern = re.compile(policy.get("queue_pattern", "^$"))
        kept = ("courses.events.dead-letters", "lyceum.events.unrouted", "lyceum.personal.unrouted")
        if not all(pattern.search(queue) for queue in kept) or pattern.search("courses.events"):
            bad.append(f"{name}: other queues than those of dead letters are kept from losing any: {policy}")
        if int(policy.get("delivery_limit", 0)) < 2**31 - 1:
            bad.append(f"{name}: dead letters that are looked at are lost")
    return bad


def review_is_reached(case: Case) -> list[str]:
    """A school for a merge request is pulled from a private registry, and has a way in for each of its three doors."""
    if case.name != "review":
        return []
    bad = []
    for document, pod in pods(case.documents):
        ours = any(container["image"].startswith("lyceum/") for container in containers(pod))
        if ours and not pod["spec"].get("imagePullSecrets"):
            bad.append(f"{name_of(document)} cannot be pulled")
    led = {
        path["backend"]["service"]["name"]
        for document in case.documents
        if document["kind"] == "Ingress"
        for rule in document["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    doors = {f"{RELEASE}-{name}" for name in ("gateway", "dev-s3", "dev-sandbox")}
    return bad + [f"nothing leads to {name}" for name in sorted(doors - led)]


def users_of_the_cluster(case: Case) -> list[str]:
    """Where users and groups are the cluster's to give, nobody asks for one."""
    if case.name != "openshift":
        return []
    bad = []
    for document, pod in pods(case.documents):
        for context in (pod["spec"]["securityContext"], *(c.get("securityContext", {}) for c in containers(pod))):
            asked = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"} & set(context)
            bad += [f"{name_of(document)} asks for {field}" for field in sorted(asked)]
    return bad


def past_the_pooler(case: Case) -> list[str]:
    """Where a pooler stands before a database, migrations and dumps know the server itself."""
    bad = []
    for document, pod in pods(case.documents):
        for container in containers(pod):
            told = {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
            migrates = "-migrate-" in document["metadata"]["name"]
            past = "LYCEUM_DATABASE_DIRECT_URL" in told or "LYCEUM_DATABASE_DIRECT_URL_FILE" in told
            if "pgbouncer" in told.get("LYCEUM_DATABASE_URL", "") and migrates and not past:
                bad.append(f"{name_of(document)} migrates through a pooler")
            if past and not migrates:
                bad.append(f"{name_of(document)} goes past the pooler without need")
            if any("pgbouncer" in told.get(name, "") for name in ("LYCEUM_DATABASE_DIRECT_URL", "PGHOST")):
                bad.append(f"{name_of(document)} takes the pooler for the server")
    return bad


def asked_about_the_broker(case: Case) -> list[str]:
    """KEDA believes the same authority as the service whose queue it looks at, and is told to use TLS where there is
    one."""
    bad = []
    made = {name_of(document): document for document in case.documents}
    for document in case.documents:
        if document["kind"] != "TriggerAuthentication":
            continue
        name = document["metadata"]["name"]
        spec = made[f"Deployment/{name}"]["spec"]["template"]["spec"]
        mounted = {
            item["path"]: (source["secret"]["name"], item["key"])
            for volume in spec["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"]["items"]
        }
        told = {entry["parameter"]: (entry["name"], entry["key"]) for entry in document["spec"]["secretTargetRef"]}
        if told.get("host") != mounted["AMQP_URL"] or told.get("ca") != mounted.get("AMQP_CA"):
            bad.append(f"{name_of(document)}: KEDA is told {told}, the service {mounted}")
        words = [
            made[f"ConfigMap/{entry['name']}"]["data"][entry["key"]]
            for entry in document["spec"].get("configMapTargetRef", [])
            if entry["parameter"] == "tls"
        ]
        if ("AMQP_CA" in mounted) != (words == ["enable"]):
            bad.append(f"{name_of(document)}: KEDA looks at an authority only with tls: enable, it has {words}")
    return bad


def disrupted_gently(case: Case) -> list[str]:
    """A budget and a spread for each of our Deployments; a budget that lets nodes be drained."""
    if case.trial:
        return []
    bad = []
    budgets = [document for document in case.documents if document["kind"] == "PodDisruptionBudget"]
    for budget in budgets:
        if budget["spec"].get("maxUnavailable") != 1 or "minAvailable" in budget["spec"]:
            bad.append(f"{name_of(budget)}: expected maxUnavailable: 1")
        if budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            bad.append(f"{name_of(budget)}: broken pods would hold up a drain")
    for document in case.documents:
        if document["kind"] != "Deployment":
            continue
        labels = labels_of(document["spec"]["template"])
        if sum(selects(budget["spec"]["selector"], labels) for budget in budgets) != 1:
            bad.append(f"{name_of(document)}: not exactly one PodDisruptionBudget")
        spread = document["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
        if {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} - {rule["topologyKey"] for rule in spread}:
            bad.append(f"{name_of(document)}: not spread over zones and nodes")
        if not all(selects(rule["labelSelector"], labels) for rule in spread):
            bad.append(f"{name_of(document)}: a spread that counts other pods")
    return bad


def secrets_come_from_outside(case: Case) -> list[str]:
    """Nothing secret is in a release, which lies readable in the cluster and in CI; trying it is the exception."""
    if case.trial:
        return []
    bad = [name_of(document) for document in case.documents if document["kind"] == "Secret"]
    words = ("PASSWORD", "SECRET", "KEY")
    for document, pod in pods(case.documents):
        for container in containers(pod):
            for variable in container.get("env", []):
                name = variable["name"]
                is_secret = any(word in name for word in words) and not name.endswith(("_FILE", "_KEYS"))
                if is_secret and variable.get("value"):
                    bad.append(f"{name_of(document)}/{container['name']}: {name} stands there in the open")
    return bad


def migrations(case: Case) -> list[str]:
    """A plain Job a database service: named after version and content, without hooks. It goes with its release."""
    bad = []
    jobs = [
        document
        for document in case.documents
        if document["kind"] == "Job" and "-migrate-" in document["metadata"]["name"]
    ]
    components = {labels_of(job["spec"]["template"])["app.kubernetes.io/component"] for job in jobs}
    made = {d["metadata"]["name"]: d["spec"] for d in case.documents if d["kind"] == "Deployment"}
    for service in ("users", "courses", "payments", "notifications", "documents", "analytics"):
        if f"{RELEASE}-{service}" in made and f"{service}-migrate" not in components:
            bad.append(f"{service}: no migration")
    for job in jobs:
        version = job["metadata"]["labels"]["app.kubernetes.io/version"].removeprefix("sha256-")[:10]
        if version.replace(".", "-") not in job["metadata"]["name"].replace(".", "-"):
            bad.append(f"{name_of(job)}: an upgrade would meet the old Job")
        hooks = {key: value for key, value in job["metadata"].get("annotations", {}).items() if "hook" in key}
        argo = {"argocd.argoproj.io/hook": "Sync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation"}
        if hooks not in ({}, argo):
            bad.append(f"{name_of(job)}: a hook cannot wait for what the same release makes")
        if hooks and "ttlSecondsAfterFinished" in job["spec"]:
            bad.append(f"{name_of(job)}: Argo CD would miss a Job that went by itself")
        service = labels_of(job["spec"]["template"])["app.kubernetes.io/component"].removesuffix("-migrate")
        patience = made[f"{RELEASE}-{service}"]["progressDeadlineSeconds"]
        if patience <= job["spec"].get("activeDeadlineSeconds", 0):
            bad.append(f"{name_of(job)}: may take longer than its pods are waited for, {patience} s")
        if "activeDeadlineSeconds" not in job["spec"]:
            bad.append(f"{name_of(job)}: may try for ever")
        if job["spec"]["template"]["spec"].get("automountServiceAccountToken") is not False:
            bad.append(f"{name_of(job)}: a token")
    return bad
