{{/* What is backed up by CronJobs: name → {verb: arguments, schedule, reads: what beside the bucket}, as YAML. */}}
{{- define "lyceum.backup.jobs" -}}
{{- $backup := .Values.backup -}}
{{- $jobs := dict -}}
{{- if $backup.databases.enabled }}
{{- range $service := fromJsonArray (include "lyceum.services" .) }}
{{- if and (get $.Values $service).database.enabled (not (has $service $backup.databases.except)) }}
{{- $_ := set $jobs (printf "postgres-%s" $service) (dict "args" (list "postgresql" $service) "schedule" $backup.databases.schedule "database" $service "deadline" $backup.databases.deadline) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $backup.erasures.enabled .Values.users.enabled }}
{{- $_ := set $jobs "erasures" (dict "args" (list "erasures") "schedule" $backup.erasures.schedule "database" "users" "deadline" 600) }}
{{- end }}
{{- if $backup.rabbitmq.enabled }}
{{- $_ := set $jobs "rabbitmq" (dict "args" (list "rabbitmq") "schedule" $backup.rabbitmq.schedule "broker" true "deadline" 600) }}
{{- end }}
{{- if $backup.objects.enabled }}
{{- $_ := set $jobs "objects" (dict "args" (list "objects") "schedule" $backup.objects.schedule "source" true "deadline" $backup.objects.deadline) }}
{{- end }}
{{- if $backup.verify.enabled }}
{{- $_ := set $jobs "verify" (dict "args" (list "verify") "schedule" $backup.verify.schedule "deadline" $backup.verify.deadline) }}
{{- end }}
{{- toYaml $jobs -}}
{{- end -}}

{{/* A CronJob's name has at most 52 characters: Jobs append eleven. */}}
{{- define "lyceum.backup.name" -}}
{{ include "lyceum.stem" .root | trunc 20 | trimSuffix "-" }}-backup-{{ .job }}
{{- end -}}

{{/* Plain variables of a job: {root, job}. */}}
{{- define "lyceum.backup.env" -}}
{{- $root := .root -}}
{{- $backup := .root.Values.backup -}}
{{- $plain := dict
  "TMPDIR" "/tmp"
  "BACKUP_S3_URL" $backup.s3.url
  "BACKUP_S3_REGION" $backup.s3.region
  "BACKUP_S3_BUCKET" $backup.s3.bucket
  "BACKUP_S3_ADDRESSING" $backup.s3.addressing
  "BACKUP_S3_ACCESS_KEY_FILE" "/etc/lyceum/secrets/S3_ACCESS_KEY"
  "BACKUP_S3_SECRET_KEY_FILE" "/etc/lyceum/secrets/S3_SECRET_KEY"
  "BACKUP_RECIPIENTS_FILE" "/etc/lyceum/backup/recipients.txt"
-}}
{{- with .job.database }}
{{- $database := (get $root.Values .).database }}
{{- $global := $root.Values.global.database }}
{{- $direct := include "lyceum.backup.direct" (dict "root" $root "service" .) | fromYaml }}
{{- if $direct.urlKey }}
{{- $_ := set $plain "BACKUP_DATABASE_URL_FILE" "/etc/lyceum/secrets/DATABASE_URL" }}
{{- else }}
{{- $_ := set $plain "PGHOST" ($direct.host | default $global.host) }}
{{- $_ := set $plain "PGPORT" (int ($direct.port | default $global.port) | toString) }}
{{- $_ := set $plain "PGDATABASE" ($database.name | default .) }}
{{- $_ := set $plain "PGUSER" ($database.user | default .) }}
{{- $_ := set $plain "BACKUP_DATABASE_PASSWORD_FILE" "/etc/lyceum/secrets/DATABASE_PASSWORD" }}
{{- end }}
{{- if $global.ca.existingSecret }}
{{- $_ := set $plain "PGSSLMODE" "verify-full" }}
{{- $_ := set $plain "PGSSLROOTCERT" "/etc/lyceum/secrets/DATABASE_CA" }}
{{- else }}
{{- $_ := set $plain "PGSSLMODE" ($database.sslmode | default $global.sslmode) }}
{{- end }}
{{- end }}
{{- if .job.broker }}
{{- $_ := set $plain "BACKUP_RABBITMQ_URL_FILE" "/etc/lyceum/secrets/RABBITMQ_URL" }}
{{- with int $backup.rabbitmq.managementPort }}{{ $_ := set $plain "BACKUP_RABBITMQ_MANAGEMENT_PORT" (toString .) }}{{ end }}
{{- if $root.Values.global.amqp.ca.existingSecret }}
{{- $_ := set $plain "BACKUP_RABBITMQ_CA_FILE" "/etc/lyceum/secrets/AMQP_CA" }}
{{- end }}
{{- end }}
{{- if .job.source }}
{{- $config := $root.Values.documents.config }}
{{- $_ := set $plain "BACKUP_SOURCE_S3_URL" $config.S3_URL }}
{{- $_ := set $plain "BACKUP_SOURCE_S3_REGION" $config.S3_REGION }}
{{- $_ := set $plain "BACKUP_SOURCE_S3_BUCKET" $config.S3_BUCKET }}
{{- $_ := set $plain "BACKUP_SOURCE_S3_ADDRESSING" ($config.S3_ADDRESSING | default "path") }}
{{- $_ := set $plain "BACKUP_SOURCE_S3_ACCESS_KEY_FILE" "/etc/lyceum/secrets/SOURCE_S3_ACCESS_KEY" }}
{{- $_ := set $plain "BACKUP_SOURCE_S3_SECRET_KEY_FILE" "/etc/lyceum/secrets/SOURCE_S3_SECRET_KEY" }}
{{- end }}
{{- if include "lyceum.backup.proxied" $root }}
{{- $_ := set $plain "HTTPS_PROXY" (include "lyceum.egressProxy" $root) }}
{{- end }}
{{- toYaml $plain -}}
{{- end -}}

{{/* The server itself, past a pooler: a dump is one session. {root, service}. */}}
{{- define "lyceum.backup.direct" -}}
{{- include "service.direct" (dict "Values" (merge (dict "global" .root.Values.global) (get .root.Values .service))) -}}
{{- end -}}

{{/* Where the management API is: one port, or either of the two. */}}
{{- define "lyceum.backup.managementPorts" -}}
{{- $port := int .Values.backup.rabbitmq.managementPort -}}
{{- ternary (list $port) (list 15671 15672) (gt $port 0) | toJson -}}
{{- end -}}

{{/* The nodes of a job, as YAML: those that are said, or those of the service whose data it reads. {root, job}. */}}
{{- define "lyceum.backup.place" -}}
{{- $backup := .root.Values.backup -}}
{{- $owner := .job.database | default (ternary "documents" "" (not (not .job.source))) -}}
{{- if and $owner (not $backup.nodeSelector) (not $backup.tolerations) -}}
{{- pick (get .root.Values $owner) "nodeSelector" "tolerations" | toYaml -}}
{{- else -}}
{{- pick $backup "nodeSelector" "tolerations" | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Whether the bucket is reached through the egress proxy. */}}
{{- define "lyceum.backup.proxied" -}}
{{- if and .Values.global.egressProxy.enabled (not .Values.backup.exit.enabled) }}true{{ end -}}
{{- end -}}

{{/* The keys that a job reads, each under its variable's name: file → {secret, key}. */}}
{{- define "lyceum.backup.files" -}}
{{- $root := .root -}}
{{- $s3 := .root.Values.backup.s3 -}}
{{- $files := dict
  "S3_ACCESS_KEY" (dict "secret" $s3.existingSecret "key" $s3.accessKeyKey)
  "S3_SECRET_KEY" (dict "secret" $s3.existingSecret "key" $s3.secretKeyKey)
-}}
{{- with .job.database }}
{{- $database := (get $root.Values .).database }}
{{- $global := $root.Values.global.database }}
{{- $secret := $database.existingSecret | default $global.existingSecret }}
{{- $direct := include "lyceum.backup.direct" (dict "root" $root "service" .) | fromYaml }}
{{- if $direct.urlKey }}
{{- $_ := set $files "DATABASE_URL" (dict "secret" $secret "key" $direct.urlKey) }}
{{- else }}
{{- $_ := set $files "DATABASE_PASSWORD" (dict "secret" $secret "key" ($database.passwordKey | default .)) }}
{{- end }}
{{- with $global.ca.existingSecret }}{{ $_ := set $files "DATABASE_CA" (dict "secret" . "key" $global.ca.key) }}{{ end }}
{{- end }}
{{- if .job.broker }}
{{- $amqp := $root.Values.global.amqp }}
{{- $own := $root.Values.backup.rabbitmq }}
{{- $_ := set $files "RABBITMQ_URL" (dict "secret" ($own.existingSecret | default $amqp.existingSecret) "key" (ternary $own.urlKey $amqp.urlKey (ne $own.existingSecret ""))) }}
{{- with $amqp.ca.existingSecret }}{{ $_ := set $files "AMQP_CA" (dict "secret" . "key" $amqp.ca.key) }}{{ end }}
{{- end }}
{{- if .job.source }}
{{- range $name, $from := pick $root.Values.documents.secrets "S3_ACCESS_KEY" "S3_SECRET_KEY" }}
{{- $_ := set $files (printf "SOURCE_%s" $name) (dict "secret" $from.secret "key" $from.key) }}
{{- end }}
{{- end }}
{{- toYaml $files -}}
{{- end -}}
