"""Pods and what they take. From kube-state-metrics, cAdvisor and the kubelet."""

from panel import RATE, board, series, stat, table, variable

SPACE = 'namespace=~"$namespace"'
# Of ours, and no pause containers.
OURS = f'{SPACE}, container=~"gateway|users|courses|payments|notifications|documents|analytics|egress-proxy|migrate"'

BOARD = board(
    "lyceum-kubernetes",
    "Lyceum / Kubernetes",
    "Replicas, restarts, rollouts, processors, memory and volumes.",
    [variable("namespace", "School (namespace)", "label_values(kube_deployment_created, namespace)")],
    [
        (
            "Replicas",
            [
                stat(
                    "Replicas missing",
                    "Replicas that should be available and are not.",
                    f"sum(kube_deployment_status_replicas_unavailable{{{SPACE}}})",
                    "none",
                    (None, "green"),
                    (1, "red"),
                ),
                stat(
                    "Restarts, last hour",
                    "Containers that ended and were started again.",
                    f"sum(increase(kube_pod_container_status_restarts_total{{{SPACE}}}[1h]))",
                    "none",
                    (None, "green"),
                    (1, "orange"),
                    decimals=0,
                ),
                stat(
                    "Failed jobs",
                    "Jobs, migrations and backups among them, that failed for good and are still there.",
                    f'sum(kube_job_failed{{{SPACE}, condition="true"}}) or vector(0)',
                    "none",
                    (None, "green"),
                    (1, "red"),
                ),
                stat(
                    "Pods not ready",
                    "Pods that do not take traffic.",
                    f'sum(kube_pod_status_ready{{{SPACE}, condition="false"}})',
                    "none",
                    (None, "green"),
                    (1, "orange"),
                ),
                series(
                    "Available replicas",
                    "Replicas that take traffic, by deployment.",
                    [(f"sum by (deployment) (kube_deployment_status_replicas_available{{{SPACE}}})", "{{deployment}}")],
                    "none",
                ),
                series(
                    "Autoscalers",
                    "Replicas that each autoscaler wants, and the most that it may have.",
                    [
                        (
                            f"max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_desired_replicas{{{SPACE}}})",
                            "{{horizontalpodautoscaler}}",
                        ),
                        (
                            f"max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas{{{SPACE}}})",
                            "{{horizontalpodautoscaler}} most",
                        ),
                    ],
                    "none",
                ),
                table(
                    "Why containers wait",
                    "Containers that do not run, with Kubernetes' reason.",
                    f"sum by (pod, container, reason) (kube_pod_container_status_waiting_reason{{{SPACE}}}) > 0",
                    "none",
                    width=8,
                ),
            ],
        ),
        (
            "Processors and memory",
            [
                series(
                    "CPU by service",
                    "Processor time of the containers.",
                    [
                        (
                            f"sum by (container) (rate(container_cpu_usage_seconds_total{{{OURS}}}[{RATE}]))",
                            "{{container}}",
                        )
                    ],
                    "none",
                ),
                series(
                    "CPU of what was asked for",
                    "Use by request; the autoscalers look at this.",
                    [
                        (
                            f'sum by (container) (rate(container_cpu_usage_seconds_total{{{OURS}}}[{RATE}])) / sum by (container) (kube_pod_container_resource_requests{{{OURS}, resource="cpu"}})',
                            "{{container}}",
                        )
                    ],
                    "percentunit",
                ),
                series(
                    "Held back",
                    "Share of scheduling periods in which a container wanted more than its limit.",
                    [
                        (
                            f"sum by (container) (rate(container_cpu_cfs_throttled_periods_total{{{OURS}}}[{RATE}])) / sum by (container) (rate(container_cpu_cfs_periods_total{{{OURS}}}[{RATE}]))",
                            "{{container}}",
                        )
                    ],
                    "percentunit",
                ),
                series(
                    "Memory by service",
                    "Working set of the containers: what the kernel cannot take back.",
                    [(f"sum by (container) (container_memory_working_set_bytes{{{OURS}}})", "{{container}}")],
                    "bytes",
                ),
                series(
                    "Memory of the limit",
                    "Fullest container of each service; at 100 % the kernel kills it.",
                    [
                        (
                            f'max by (container) (container_memory_working_set_bytes{{{OURS}}} / on (namespace, pod, container) kube_pod_container_resource_limits{{{OURS}, resource="memory"}})',
                            "{{container}}",
                        )
                    ],
                    "percentunit",
                    limit=0.9,
                ),
                series(
                    "Network by pod",
                    "Bytes a second that pods receive.",
                    [
                        (
                            f"topk(10, sum by (pod) (rate(container_network_receive_bytes_total{{{SPACE}}}[{RATE}])))",
                            "{{pod}}",
                        )
                    ],
                    "Bps",
                ),
            ],
        ),
        (
            "Volumes and jobs",
            [
                series(
                    "Volumes",
                    "How full each volume is.",
                    [
                        (
                            f"1 - kubelet_volume_stats_available_bytes{{{SPACE}}} / kubelet_volume_stats_capacity_bytes{{{SPACE}}}",
                            "{{persistentvolumeclaim}}",
                        )
                    ],
                    "percentunit",
                    limit=0.85,
                ),
                table(
                    "Last success of CronJobs",
                    "How long ago each CronJob succeeded.",
                    f"time() - max by (cronjob) (kube_cronjob_status_last_successful_time{{{SPACE}}})",
                    "s",
                ),
            ],
        ),
    ],
)
