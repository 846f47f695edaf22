"""Rules about pods that no schema states. Each takes the objects of one release and gives back what breaks it."""

from cases import Document, containers, name_of, pods

# Kinds of volumes that the restricted Pod Security Standard lets in.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
# What runs for as long as the release does.
LASTING = {"Deployment", "StatefulSet", "DaemonSet"}


def restricted(documents: list[Document]) -> list[str]:
    """The restricted Pod Security Standard, and beyond it a root file system that nobody can write to."""
    bad = []
    for document, pod in pods(documents):
        where, spec = name_of(document), pod["spec"]
        context = spec.get("securityContext", {})
        for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(forbidden):
                bad.append(f"{where}: {forbidden}")
        if context.get("runAsNonRoot") is not True:
            bad.append(f"{where}: runAsNonRoot is not set")
        if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            bad.append(f"{where}: no seccomp profile")
        for volume in spec.get("volumes", []):
            if foreign := set(volume) - {"name"} - VOLUMES:
                bad.append(f"{where}: volume {volume['name']} is a {foreign.pop()}")
        for container in containers(pod):
            place, own = f"{where}/{container['name']}", container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False:
                bad.append(f"{place}: allowPrivilegeEscalation")
            if own.get("privileged"):
                bad.append(f"{place}: privileged")
            if own.get("capabilities", {}).get("drop") != ["ALL"] or own.get("capabilities", {}).get("add"):
                bad.append(f"{place}: capabilities")
            if own.get("runAsUser") == 0 or context.get("runAsUser", 1) == 0 or own.get("runAsNonRoot") is False:
                bad.append(f"{place}: root")
            if own.get("readOnlyRootFilesystem") is not True:
                bad.append(f"{place}: the root file system can be written to")
            if any("hostPort" in port for port in container.get("ports", [])):
                bad.append(f"{place}: hostPort")
    return bad


def nothing_twice(documents: list[Document]) -> list[str]:
    """Server-side apply refuses lists in which a name stands twice."""
    bad = []
    for document, pod in pods(documents):
        lists = [(f"{name_of(document)} volumes", [v["name"] for v in pod["spec"].get("volumes", [])])]
        for container in containers(pod):
            place = f"{name_of(document)}/{container['name']}"
            lists.append((f"{place} env", [variable["name"] for variable in container.get("env", [])]))
            lists.append((f"{place} ports", [port["name"] for port in container.get("ports", [])]))
            lists.append((f"{place} mounts", [mount["mountPath"] for mount in container.get("volumeMounts", [])]))
        for place, names in lists:
            bad += [f"{place}: {name} stands there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    return bad


def probes(documents: list[Document]) -> list[str]:
    """What lasts is asked whether it has started, can take work, and lives."""
    bad = []
    for document, pod in pods(documents):
        if document["kind"] not in LASTING:
            continue
        for container in pod["spec"]["containers"]:
            place = f"{name_of(document)}/{container['name']}"
            missing = {"startupProbe", "readinessProbe", "livenessProbe"} - set(container)
            bad += [f"{place}: no {probe}" for probe in sorted(missing)]
            ready, alive = container.get("readinessProbe"), container.get("livenessProbe")
            if ready and alive and "httpGet" in ready and ready["httpGet"] == alive.get("httpGet"):
                bad.append(f"{place}: a store that is away would have it killed: readiness and liveness ask the same")
    return bad


def resources(documents: list[Document]) -> list[str]:
    """Requests for the scheduler, a limit of memory for the neighbours; none of CPU, which would throttle."""
    bad = []
    for document, pod in pods(documents):
        for container in containers(pod):
            place, own = f"{name_of(document)}/{container['name']}", container.get("resources", {})
            wanted = {"requests": {"cpu", "memory"}, "limits": {"memory"}}
            for kind, names in wanted.items():
                bad += [f"{place}: no {kind} of {name}" for name in sorted(names - set(own.get(kind, {})))]
        for volume in pod["spec"].get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
                bad.append(f"{name_of(document)}: the emptyDir {volume['name']} has no limit")
    return bad


def images(documents: list[Document]) -> list[str]:
    """A tag or a digest that names one thing."""
    bad = []
    for document, pod in pods(documents):
        for container in containers(pod):
            image = container["image"]
            tag = image.rsplit("/", 1)[-1].partition(":")[2]
            if "@sha256:" not in image and tag in ("", "latest"):
                bad.append(f"{name_of(document)}/{container['name']}: {image}")
    return bad


def accounts(documents: list[Document]) -> list[str]:
    """A token only where a role uses it, no role beyond what discovery reads, and no account that others use."""
    bad = []
    made = {document["metadata"]["name"]: document for document in documents if document["kind"] == "ServiceAccount"}
    roles = {document["metadata"]["name"]: document for document in documents if document["kind"] == "Role"}
    bound = {}
    for document in documents:
        if document["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            bad.append(f"{name_of(document)}: nothing here needs the cluster")
        if document["kind"] == "RoleBinding":
            for subject in document["subjects"]:
                bound[subject["name"]] = roles.get(document["roleRef"]["name"])
    bad += [
        f"ServiceAccount/{name}: a token is mounted by default"
        for name, account in made.items()
        if account.get("automountServiceAccountToken") is not False
    ]
    for document, pod in pods(documents):
        where, spec = name_of(document), pod["spec"]
        account, token = spec.get("serviceAccountName", "default"), spec.get("automountServiceAccountToken")
        if token is None:
            bad.append(f"{where}: whether a token is mounted is not said")
        if token and account not in bound:
            bad.append(f"{where}: a token that no role uses")
        # Whose name says that it is made elsewhere is believed.
        if account != "default" and account not in made and not account.startswith("elsewhere-"):
            bad.append(f"{where}: there is no ServiceAccount {account}")
        if not token and account in bound and document["kind"] == "Deployment":
            bad.append(f"{where}: a role without a token")
    for name, role in roles.items():
        for rule in role["rules"]:
            wide = set(rule["verbs"]) - {"get", "list", "watch"}
            if wide or rule["resources"] != ["endpointslices"] or rule["apiGroups"] != ["discovery.k8s.io"]:
                bad.append(f"Role/{name}: {rule}")
    return bad


def service_links(documents: list[Document]) -> list[str]:
    """Kubernetes would put LYCEUM_… variables of its own into pods, which refuse what they do not know."""
    return [
        f"{name_of(document)}: enableServiceLinks is not false"
        for document, pod in pods(documents)
        if pod["spec"].get("enableServiceLinks") is not False
    ]


def seconds(duration: str) -> float:
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    unit = next(unit for unit in units if duration.endswith(unit))
    return float(duration.removesuffix(unit)) * units[unit]


def stops_in_time(documents: list[Document]) -> list[str]:
    """The grace period covers the pause before the signal and the whole of the stop; new pods come before old ones
    go."""
    bad = []
    for document, pod in pods(documents):
        if document["kind"] != "Deployment":
            continue
        where = name_of(document)
        strategy = document["spec"].get("strategy", {})
        if strategy.get("rollingUpdate", {}).get("maxUnavailable") != 0 and strategy.get("type") != "Recreate":
            bad.append(f"{where}: a roll takes pods away before there are others")
        for container in pod["spec"]["containers"]:
            variables = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
            if "LYCEUM_STOP_DEADLINE" not in variables:
                continue
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            if pause < 1:
                bad.append(f"{where}: the signal comes before the endpoints have forgotten the pod")
            stop = seconds(variables["LYCEUM_STOP_DEADLINE"])
            grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
            if grace <= pause + stop:
                bad.append(f"{where}: {grace} s of grace for {pause} s of pause and {stop:g} s of stopping")
    return bad
