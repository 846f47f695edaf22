"""Values that are wrong, and what the person who wrote them is told. A mistake that passes in silence is found in
production."""

from concurrent.futures import ThreadPoolExecutor

from tools import CHART, HERE, run_helm

# Arguments of Helm on top of the least that has to be said → what the answer has to contain.
TABLE: list[tuple[list[str], list[str]]] = [
    (["--set", "gatewya.replicas=3"], ["gatewya"]),
    (["--set", "gateway.replica=3"], ["replica"]),
    (["--set", "gateway.replicas=many"], ["replicas", "integer"]),
    (["--set", "gateway.replicas=-1"], ["replicas"]),
    (["--set", "global.publicUrl="], ["publicUrl"]),
    (["--set", "global.publicUrl=school.example"], ["publicUrl"]),
    (["--set", "global.discovery=dns"], ["discovery", "kubernetes"]),
    (["--set", "global.database.host="], ["database.host"]),
    (["--set", "global.database.sslmode=yes"], ["sslmode", "verify-full"]),
    (["--set", "global.log.format=xml"], ["format", "json"]),
    (["--set", "global.tracing.ratio=2"], ["ratio"]),
    (["--set", "gateway.image.digest=sha256:abc"], ["digest"]),
    (["--set", "exposure.type=nginx"], ["exposure", "gatewayApi"]),
    (["--set", "exposure.type=gatewayApi"], ["parentRefs", "gatewayClassName"]),
    (
        ["--set", "payments.secrets.TBANK_PASSWORD.secret=x", "--set", "payments.config.TBANK_PASSWORD=y"],
        ["TBANK_PASSWORD"],
    ),
    (["--set", "gateway.extraEnv.LYCEUM_SERVICE_KEYS=x"], ["LYCEUM_SERVICE_KEYS"]),
    (["--set", "gateway.config.lower=1"], ["lower"]),
    (["--set", "gateway.service.type=LoadBalancer"], ["TRUSTED_PROXIES", "LoadBalancer"]),
    (["--set", "gateway.service.type=NodePort"], ["TRUSTED_PROXIES", "NodePort"]),
    (["--set", "analytics.keda.enabled=true"], ["analytics", "order", "replicas"]),
    (["--set", "analytics.autoscaling.enabled=true"], ["analytics", "order", "replicas"]),
    (["--set", "users.strategy.progressDeadlineSeconds=600"], ["progressDeadlineSeconds", "migration.deadline"]),
    (["--set", "users.serviceAccount.create=false"], ["serviceAccount", "name"]),
    (["--set", "users.extraEnv.LYCEUM_X.valueFrom.fieldRef.fieldPath=spec.nodeName"], ["LYCEUM_X"]),
    (["--set", "users.extraEnv.X.value=1"], ["extraEnv"]),
    (["--set", "users.database.direct.name=x"], ["direct"]),
    (
        ["--set", "users.database.urlKey=x", "--set", "users.database.direct.host=postgres"],
        ["users.database.direct.urlKey"],
    ),
    (["--set", "global.ipFamilies={IPv5}"], ["ipFamilies"]),
    (["--set", "gateway.autoscaling.enabled=true", "--set", "gateway.autoscaling.cpu=0"], ["metrics"]),
    (["--set", "externalSecrets.creationPolicy=Merge"], ["creationPolicy", "Orphan"]),
    (["--set", "backup.enabled=true"], ["backup.s3.url"]),
    (["--set", "gateway.autoscaling.enabled=true", "--set", "gateway.keda.enabled=true"], ["keda"]),
    (["--set", "gateway.autoscaling=null"], ["autoscaling"]),
    (["--set", "notifications.config.MAIL_FROM="], ["MAIL_FROM"]),
    (["--set", "documents.config.S3_BUCKET="], ["S3_BUCKET"]),
    (["--set", "externalSecrets.enabled=true"], ["storeRef"]),
    (["--set", "egressProxy.ports[0]=99999"], ["ports"]),
    (["--set", "networkPolicy.privateRanges[0]=ten"], ["privateRanges"]),
    (["--set", "operators.postgresql.enabled=true", "--set", "operators.postgresql.instances=0"], ["instances"]),
    (["--set", "dev.postgres.size=5Gi"], ["dev"]),
    (
        ["--values", "values-operators.yaml", "--set", "global.publicUrl=https://real.example"],
        ["recipients", "SETUP.md"],
    ),
    (
        ["--values", "values-operators.yaml", "--set", "operators.rabbitmq.tls.enabled=true"],
        ["certificate", "global.tls"],
    ),
    (
        [
            "--values",
            "values-operators.yaml",
            "--values",
            "../../tests/chart/cases/tls.yaml",
            "--set",
            "operators.rabbitmq.tls.enabled=true",
        ],
        ["5671", "amqp.ports", "amqp.ca"],
    ),
    (
        ["--values", "values-operators.yaml", "--set", "backup.enabled=false", "--set", "backup.s3.bucket="],
        ["operators.postgresql.backup", "destinationPath"],
    ),
    (["--set", "backup.everything=true"], ["backup"]),
]


def check() -> list[str]:
    def one(row: tuple[list[str], list[str]]) -> list[str]:
        arguments, expected = row
        least = HERE / "cases/least.yaml"
        done = run_helm("template", "lyceum", str(CHART), "--values", str(least), *arguments, cwd=CHART)
        shown = " ".join(arguments)
        if done.returncode == 0:
            return [f"{shown}: nobody objects"]
        missing = [word for word in expected if word.lower() not in done.stderr.lower()]
        if missing:
            return [f"{shown}: the answer says nothing of {', '.join(missing)}: {done.stderr.strip()[-600:]}"]
        return []

    with ThreadPoolExecutor(2) as pool:
        return [failure for failures in pool.map(one, TABLE) for failure in failures]
