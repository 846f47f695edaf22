"""What the fleet stands on: PostgreSQL, Redis, RabbitMQ and the object store. From their exporters, and from our
side where there is none."""

from panel import FLEET, NAMESPACE, RATE, board, series, stat, table, variable

PG = 'job="postgres", instance=~"$postgres"'
# The databases of the services, not the server's own.
DATA = f'{PG}, datname!~"template.*|postgres"'

BOARD = board(
    "lyceum-dependencies",
    "Lyceum / Dependencies",
    "PostgreSQL, Redis, RabbitMQ, the object store and the backups.",
    [NAMESPACE, variable("postgres", "PostgreSQL", "label_values(pg_up, instance)")],
    [
        (
            "PostgreSQL",
            [
                stat(
                    "Servers that answer",
                    "PostgreSQL servers whose exporter reaches them.",
                    f"sum(pg_up{{{PG}}})",
                    "none",
                    (None, "red"),
                    (1, "green"),
                ),
                stat(
                    "Connections in use",
                    "Share of the connections of the fullest server.",
                    f"max(sum by (instance) (pg_stat_activity_count{{{PG}}}) / on (instance) max by (instance) (pg_settings_max_connections{{{PG}}}))",
                    "percentunit",
                    (None, "green"),
                    (0.6, "orange"),
                    (0.8, "red"),
                    decimals=0,
                ),
                stat(
                    "Longest transaction",
                    "Age of the oldest transaction that is at work.",
                    f'max(pg_stat_activity_max_tx_duration{{{DATA}, state!="idle"}})',
                    "s",
                    (None, "green"),
                    (60, "orange"),
                    (900, "red"),
                ),
                stat(
                    "Read from memory",
                    "Share of blocks that were found in PostgreSQL's own cache.",
                    f"sum(rate(pg_stat_database_blks_hit{{{DATA}}}[5m])) / (sum(rate(pg_stat_database_blks_hit{{{DATA}}}[5m])) + sum(rate(pg_stat_database_blks_read{{{DATA}}}[5m])))",
                    "percentunit",
                    (None, "red"),
                    (0.9, "orange"),
                    (0.98, "green"),
                    decimals=1,
                ),
                stat(
                    "Deadlocks",
                    "Deadlocks within an hour; our transactions are tried again.",
                    f"sum(increase(pg_stat_database_deadlocks{{{DATA}}}[1h]))",
                    "none",
                    (None, "green"),
                    (1, "orange"),
                    decimals=0,
                ),
                stat(
                    "Log files not archived",
                    "Failures of archiving within an hour; what is written meanwhile is not in the backup.",
                    f"sum(increase(pg_stat_archiver_failed_count{{{PG}}}[1h]))",
                    "none",
                    (None, "green"),
                    (1, "red"),
                    decimals=0,
                ),
                series(
                    "Transactions",
                    "Commits and rollbacks a second by database.",
                    [
                        (f"sum by (datname) (rate(pg_stat_database_xact_commit{{{DATA}}}[{RATE}]))", "{{datname}}"),
                        (
                            f"sum by (datname) (rate(pg_stat_database_xact_rollback{{{DATA}}}[{RATE}]))",
                            "{{datname}} rolled back",
                        ),
                    ],
                    "ops",
                ),
                series(
                    "Connections",
                    "Connections by database and state.",
                    [(f"sum by (datname, state) (pg_stat_activity_count{{{DATA}}}) > 0", "{{datname}} {{state}}")],
                    "none",
                ),
                series(
                    "Size",
                    "Size of each database.",
                    [(f"max by (datname) (pg_database_size_bytes{{{DATA}}})", "{{datname}}")],
                    "bytes",
                ),
                series(
                    "Rows written",
                    "Rows inserted, updated and deleted a second.",
                    [
                        (f"sum(rate(pg_stat_database_tup_{what}{{{DATA}}}[{RATE}]))", what)
                        for what in ("inserted", "updated", "deleted")
                    ],
                    "ops",
                ),
                series(
                    "Locks",
                    "Locks by mode that are held or waited for.",
                    [(f"sum by (mode) (pg_locks_count{{{DATA}}}) > 0", "{{mode}}")],
                    "none",
                ),
                series(
                    "Our pools",
                    "Connections that the services use and keep.",
                    [(f"sum by (service, state) (pg_pool_connections{{{FLEET}}})", "{{service}} {{state}}")],
                    "none",
                ),
            ],
        ),
        (
            "RabbitMQ",
            [
                series(
                    "Ready messages",
                    "Messages that wait in each queue of the fleet.",
                    [
                        (
                            'topk(15, max by (vhost, queue) (rabbitmq_detailed_queue_messages_ready{queue!~".*[.](dead-letters|unrouted)"}))',
                            "{{queue}}",
                        )
                    ],
                    "none",
                    width=12,
                    limit=10000,
                ),
                series(
                    "Taken and not acknowledged",
                    "Messages that consumers are at work on.",
                    [("topk(15, max by (vhost, queue) (rabbitmq_detailed_queue_messages_unacked))", "{{queue}}")],
                    "none",
                    width=12,
                ),
                table(
                    "Dead letters",
                    "Messages that a consumer gave up on: `<service> dead-letters` lists them, and sends them back.",
                    'max by (consumer) (bus_dead_letter_rows{job="lyceum"}) > 0',
                    "none",
                    width=8,
                ),
                table(
                    "Consumers",
                    "Consumers by queue; a queue of events without any is not worked off.",
                    'max by (vhost, queue) (rabbitmq_detailed_queue_consumers{queue=~".+[.](events|docverify-results)"})',
                    "none",
                    width=8,
                ),
                series(
                    "Published and delivered",
                    "Messages a second that the broker takes and gives.",
                    [
                        (f"sum(rate(rabbitmq_global_messages_received_total[{RATE}]))", "received"),
                        (f"sum(rate(rabbitmq_global_messages_delivered_total[{RATE}]))", "delivered"),
                        (f"sum(rate(rabbitmq_global_messages_acknowledged_total[{RATE}]))", "acknowledged"),
                    ],
                    "ops",
                ),
                series(
                    "Memory of the nodes",
                    "Memory of each node, and where it blocks publishers.",
                    [
                        ("rabbitmq_process_resident_memory_bytes", "{{instance}}"),
                        ("rabbitmq_resident_memory_limit_bytes", "{{instance}} limit"),
                    ],
                    "bytes",
                ),
                series(
                    "Disk that is left",
                    "Free disk of each node, and where it blocks publishers.",
                    [
                        ("rabbitmq_disk_space_available_bytes", "{{instance}}"),
                        ("rabbitmq_disk_space_available_limit_bytes", "{{instance}} limit"),
                    ],
                    "bytes",
                ),
                stat(
                    "Alarms",
                    "Memory and disk alarms: publishers are blocked.",
                    "sum(rabbitmq_alarms_memory_used_watermark) + sum(rabbitmq_alarms_free_disk_space_watermark)",
                    "none",
                    (None, "green"),
                    (1, "red"),
                ),
                stat(
                    "Clients of the broker",
                    "Connections to the broker.",
                    "sum(rabbitmq_connections)",
                    "none",
                    (None, "blue"),
                ),
            ],
        ),
        (
            "Redis",
            [
                stat(
                    "Redis answers",
                    "Redis servers whose exporter reaches them.",
                    "sum(redis_up)",
                    "none",
                    (None, "red"),
                    (1, "green"),
                ),
                stat("Clients", "Clients that are connected.", "sum(redis_connected_clients)", "none", (None, "blue")),
                series(
                    "Commands",
                    "Commands a second, the ten most frequent.",
                    [(f"topk(10, sum by (cmd) (rate(redis_commands_total[{RATE}])))", "{{cmd}}")],
                    "ops",
                ),
                series(
                    "Memory of Redis",
                    "Memory in use, and the limit where there is one.",
                    [("redis_memory_used_bytes", "{{instance}}"), ("redis_memory_max_bytes > 0", "{{instance}} limit")],
                    "bytes",
                ),
                series(
                    "As the services see it",
                    'Calls of Redis a second by service and outcome; "failed" and "skipped" are done without it.',
                    [
                        (
                            f"sum by (service, outcome) (rate(cache_operations_total{{{FLEET}}}[{RATE}]))",
                            "{{service}} {{outcome}}",
                        )
                    ],
                    "ops",
                ),
                series(
                    "Keys thrown out",
                    "Keys a second that expired, or were evicted for want of memory.",
                    [
                        (f"sum(rate(redis_expired_keys_total[{RATE}]))", "expired"),
                        (f"sum(rate(redis_evicted_keys_total[{RATE}]))", "evicted"),
                    ],
                    "ops",
                ),
            ],
        ),
        (
            "Object store",
            [
                series(
                    "Calls",
                    'Our calls of the object store a second by outcome; "absent" and "changed" are answers.',
                    [
                        (
                            f"sum by (method, outcome) (rate(s3_requests_total{{{FLEET}}}[{RATE}]))",
                            "{{method}} {{outcome}}",
                        )
                    ],
                    "reqps",
                ),
                series(
                    "Duration, p95",
                    "Time until the head of the answer.",
                    [
                        (
                            f"histogram_quantile(0.95, sum by (method, le) (rate(s3_request_duration_seconds_bucket{{{FLEET}}}[{RATE}])))",
                            "{{method}}",
                        )
                    ],
                    "s",
                ),
                series(
                    "Objects that should be gone",
                    "Objects whose deletion is overdue.",
                    [(f"max(doomed_objects_overdue{{{FLEET}}})", "overdue")],
                    "none",
                ),
            ],
        ),
        (
            "Backups",
            [
                table(
                    "Age of each backup",
                    "How long ago each kind of backup succeeded for the last time.",
                    "time() - max by (namespace, backup) (backup_last_success_timestamp_seconds)",
                    "s",
                    width=12,
                ),
                stat(
                    "Last restore drill",
                    "How long ago a restore was proved to work.",
                    "time() - max(restore_drill_last_success_timestamp_seconds)",
                    "s",
                    (None, "green"),
                    (8 * 86400, "red"),
                ),
                stat(
                    "Time to restore",
                    "How long the last drill took until the school could serve again (RTO).",
                    "max(restore_drill_rto_seconds)",
                    "s",
                    (None, "blue"),
                ),
                stat(
                    "Data lost",
                    "How much time of work the last drill would have lost (RPO).",
                    "max(restore_drill_rpo_seconds)",
                    "s",
                    (None, "blue"),
                ),
            ],
        ),
    ],
)
