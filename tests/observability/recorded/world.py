"""A small cluster as Kubernetes' API shows it: the namespace `lyceum`, in which all is well, and `sick`, in which
everything is wrong that an alert looks at."""

from datetime import UTC, datetime
from typing import Any

# When it was looked at. Whoever serves the recording moves its times to today's.
NOW = 1_750_000_000
HOUR = 3600
Object = dict[str, Any]

KINDS = {
    "cronjobs": "CronJob",
    "deployments": "Deployment",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "jobs": "Job",
    "pods": "Pod",
}
WELL, SICK = "lyceum", "sick"
SPACES = [WELL, SICK]
SERVICES = ["gateway", "users", "egress-proxy"]
LIMIT = 256 << 20
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
# Volumes, whose claims a kubelet names.
CLAIMS = [(WELL, "data-postgres-0")]


def moment(ago: int) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta(space: str, name: str, ago: int = 48 * HOUR) -> Object:
    return {
        "name": name,
        "namespace": space,
        "uid": f"{space}-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": moment(ago),
    }


def objects(resource: str) -> list[Object]:
    makers = {
        "pods": pods,
        "deployments": deployments,
        "horizontalpodautoscalers": autoscalers,
        "jobs": jobs,
        "cronjobs": cronjobs,
    }
    return [one for space in SPACES for one in makers[resource](space)]


def pod_name(service: str) -> str:
    return f"lyceum-{service}-6d4b7c9f8-abcde"


def pods(space: str) -> list[Object]:
    made = []
    for service in SERVICES:
        # In the sick school users ends as soon as it is started.
        crashes = space == SICK and service == "users"
        state: Object = {"running": {"startedAt": moment(HOUR)}}
        if crashes:
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
        status = {
            "name": service,
            "ready": not crashes,
            "started": not crashes,
            "restartCount": 9 if crashes else 0,
            "image": f"lyceum/{service}:0.1.0",
            "imageID": f"lyceum/{service}@sha256:00",
            "containerID": f"containerd://{space}{service}",
            "state": state,
            "lastState": {},
        }
        resources = {"requests": {"cpu": "100m", "memory": "96Mi"}, "limits": {"memory": str(LIMIT)}}
        ready = "False" if crashes else "True"
        made.append(
            {
                "metadata": meta(space, pod_name(service)),
                "spec": {
                    "nodeName": "node-1",
                    "containers": [{"name": service, "image": f"lyceum/{service}:0.1.0", "resources": resources}],
                },
                "status": {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": moment(HOUR)}],
                    "containerStatuses": [status],
                },
            }
        )
    return made


def deployments(space: str) -> list[Object]:
    made = []
    for service in SERVICES:
        missing = 1 if space == SICK and service == "users" else 0
        made.append(
            {
                "metadata": meta(space, f"lyceum-{service}"),
                "spec": {"replicas": 1, "selector": {}, "template": {}, "strategy": ROLLING},
                "status": {
                    "replicas": 1,
                    "updatedReplicas": 1,
                    "readyReplicas": 1 - missing,
                    "availableReplicas": 1 - missing,
                    "unavailableReplicas": missing,
                    "observedGeneration": 1,
                },
            }
        )
    return made


def autoscalers(space: str) -> list[Object]:
    replicas = 10 if space == SICK else 3
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "lyceum-gateway"}
    return [
        {
            "metadata": meta(space, "lyceum-gateway"),
            "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 10, "metrics": []},
            "status": {"currentReplicas": replicas, "desiredReplicas": replicas, "currentMetrics": []},
        }
    ]


def jobs(space: str) -> list[Object]:
    """Two migrations: one of whose pods failed, and the next did it; and in the sick school, all of them failed."""
    repeated: Object = {
        "startTime": moment(2 * HOUR),
        "completionTime": moment(HOUR),
        "succeeded": 1,
        "failed": 1,
        "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": moment(HOUR)}],
    }
    made = [
        {
            "metadata": meta(space, "lyceum-users-migrate-0-1-0"),
            "spec": {"completions": 1, "parallelism": 1, "suspend": False},
            "status": repeated,
        }
    ]
    if space == SICK:
        reason = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
        failed: Object = {"startTime": moment(HOUR), "failed": 4, "conditions": [reason]}
        made.append(
            {
                "metadata": meta(space, "lyceum-courses-migrate-0-1-0"),
                "spec": {"completions": 1, "parallelism": 1, "suspend": False},
                "status": failed,
            }
        )
    return made


def cronjobs(space: str) -> list[Object]:
    """Backups: one that succeeds, or in the sick school did two days ago; and one that never has."""
    ago = 48 * HOUR if space == SICK else HOUR
    status: Object = {"lastScheduleTime": moment(HOUR), "lastSuccessfulTime": moment(ago)}
    # An API server fills in what was not said; whoever reads it counts on that.
    spec = {
        "schedule": "40 1 * * *",
        "suspend": False,
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}},
    }
    made = [{"metadata": meta(space, "lyceum-backup-postgres-users"), "spec": spec, "status": status}]
    if space == SICK:
        made.append({"metadata": meta(space, "lyceum-backup-objects"), "spec": spec, "status": {}})
    return made


def containers() -> list[Object]:
    """What cAdvisor sees of the pods: a container each, and a sandbox, which has the network."""
    made = []
    for space in SPACES:
        for service in SERVICES:
            memory = LIMIT * 95 // 100 if space == SICK and service == "users" else 40 << 20
            pod = pod_name(service)
            made.append({"namespace": space, "pod": pod, "container": service, "memory": memory, "limit": LIMIT})
            made.append({"namespace": space, "pod": pod, "container": "", "memory": 1 << 20, "limit": 0})
    return made
