"""What cannot be seen on one machine, and why. Everything that is not named here has to be seen."""

# Metrics that no program of this repository and no exporter of Debian's makes: by the beginning of their names.
OUTSIDE = {
    "restore_drill_": "written by `cargo fleet drill` for node_exporter, which this fleet does not run",
    "fluentd_": "Fluentd, which is in no package registry",
    "otelcol_exporter_send_failed_log_records_total": "a shipper that tries for ever never gives up; spans have the same",
    "backup_last_success_timestamp_seconds": "recorded of Kubernetes' CronJobs, or written by the hosts of pgBackRest",
}

# Panels that may have nothing to show, by dashboard and title.
EMPTY = {
    ("lyceum-overview", "Alerts that fire"): "a healthy fleet",
    ("lyceum-overview", "Routes that failed, last hour"): "a healthy fleet",
    ("lyceum-overview", "Certificates"): "the fleet of one machine speaks plain gRPC over the loopback device",
    ("lyceum-gateway", "Failures by route, last hour"): "a healthy fleet",
    ("lyceum-gateway", "Endpoints of the neighbours"): "static addresses outside of Kubernetes",
    ("lyceum-gateway", "Calls sent again"): "static addresses outside of Kubernetes",
    ("lyceum-service", "Failing calls, last hour"): "a healthy fleet",
    ("lyceum-service", "Alerts that fire"): "a healthy fleet",
    ("lyceum-service", "Dead letters"): "a healthy fleet",
    ("lyceum-service", "Transactions tried again"): "nothing competes for the same rows in one journey",
    ("lyceum-dependencies", "Dead letters"): "a healthy fleet",
    ("lyceum-dependencies", "Locks"): "no session keeps one, and those of transactions are gone within milliseconds",
    ("lyceum-dependencies", "Age of each backup"): "nobody backs up the fleet of one machine",
    ("lyceum-dependencies", "Last restore drill"): "`cargo fleet test drill` proves it apart from this fleet",
    ("lyceum-dependencies", "Time to restore"): "`cargo fleet test drill` proves it apart from this fleet",
    ("lyceum-dependencies", "Data lost"): "`cargo fleet test drill` proves it apart from this fleet",
}

# Single queries of panels that otherwise have something to show, by a part of them.
EMPTY_QUERIES = {
    'type="lyceum.events.v1.OrderRefunded"': "nobody wants their money back in the journey",
    'type="lyceum.events.v1.PaymentFailed"': "the card of the journey pays",
    "payments_returned_minor_total": "nobody wants their money back in the journey",
    "redis_memory_max_bytes > 0": "the Redis of one machine has no limit",
}

# Alerts about the recorded namespace `sick`, in which everything is wrong that can be wrong at one look.
SICK = {
    "AutoscalerAtMaximum",
    "BackupNeverSucceeded",
    "BackupTooOld",
    "DeploymentUnavailable",
    "MemoryNearLimit",
    "MigrationFailed",
    "PodCrashLooping",
}

# Names in no recording, because nothing could be made to count them.
NEVER_COUNTED = {"otelcol_exporter_send_failed_log_records_total"}

# What postgres_exporter tells and CloudNativePG's own exporter does not; panels for it stay empty there.
ONLY_POSTGRES_EXPORTER = {"pg_locks_count"}
