{{/*
What a service's process is told. Everything is gathered in a dictionary first, so that no name can stand there twice:
the API server refuses lists that repeat a name.
*/}}

{{/* Its main door's port. */}}
{{- define "service.port" -}}
{{ ternary 8080 7000 (eq .Values.door "http") }}
{{- end -}}

{{/* Every address of the pod, in the families of the cluster. */}}
{{- define "lyceum.everywhere" -}}
{{ ternary "[::]" "0.0.0.0" (has "IPv6" ((.Values.global).ipFamilies | default (list "IPv4"))) }}
{{- end -}}

{{/* The plain variables, as YAML: name → value. */}}
{{- define "service.plain" -}}
{{- $values := .Values -}}
{{- $global := .Values.global | default dict -}}
{{- $plain := dict
  "LYCEUM_ADMIN_LISTEN" (printf "%s:9090" (include "lyceum.everywhere" .))
  (ternary "LYCEUM_HTTP_LISTEN" "LYCEUM_GRPC_LISTEN" (eq .Values.door "http")) (printf "%s:%s" (include "lyceum.everywhere" .) (include "service.port" .))
  "LYCEUM_LOG" (($global.log).level | default "info")
  "LYCEUM_LOG_FORMAT" (($global.log).format | default "json")
  "LYCEUM_DRAIN" (printf "%ds" (int .Values.shutdown.drain))
  "LYCEUM_STOP_DEADLINE" (printf "%ds" (int .Values.shutdown.deadline))
  "LYCEUM_ISSUER" ($global.issuer | default ($global.publicUrl | default "" | trimSuffix "/"))
-}}
{{- with ($global.tracing).endpoint }}
{{- $_ := set $plain "LYCEUM_OTLP_ENDPOINT" . }}
{{- $_ := set $plain "LYCEUM_TRACE_RATIO" (($global.tracing).ratio | toString) }}
{{- end }}
{{- if has "PUBLIC_URL" .Values.reads }}{{ $_ := set $plain "LYCEUM_PUBLIC_URL" ($global.publicUrl | default "" | trimSuffix "/") }}{{ end }}
{{- if has "SCHOOL_NAME" .Values.reads }}{{ with $global.schoolName }}{{ $_ := set $plain "LYCEUM_SCHOOL_NAME" . }}{{ end }}{{ end }}
{{- if has "SCHOOL_ZONE" .Values.reads }}{{ with $global.schoolZone }}{{ $_ := set $plain "LYCEUM_SCHOOL_ZONE" . }}{{ end }}{{ end }}
{{- range .Values.neighbours }}
{{- $_ := set $plain (printf "LYCEUM_%s_URL" (upper .)) (include "lyceum.target" (dict "root" $ "component" .)) }}
{{- end }}
{{- if .Values.database.enabled }}
{{- if not .Values.database.urlKey }}{{ $_ := set $plain "LYCEUM_DATABASE_URL" (include "service.databaseUrl" .) }}{{ end }}
{{- /* Migrations alone are told of it. */}}
{{- with .Direct }}
{{- if not .urlKey }}
{{- $there := dict "Chart" $.Chart "Values" (dict "global" $global "database" (merge (pick . "host" "port") $values.database)) }}
{{- $_ := set $plain "LYCEUM_DATABASE_DIRECT_URL" (include "service.databaseUrl" $there) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.egressProxy ($global.egressProxy).enabled }}{{ $_ := set $plain "LYCEUM_EGRESS_PROXY" (include "lyceum.egressProxy" .) }}{{ end }}
{{- if ($global.tls).enabled }}
{{- $_ := set $plain "LYCEUM_TLS_CERT_FILE" "/etc/lyceum/tls/tls.crt" }}
{{- $_ := set $plain "LYCEUM_TLS_KEY_FILE" "/etc/lyceum/tls/tls.key" }}
{{- $_ := set $plain "LYCEUM_TLS_CA_FILE" "/etc/lyceum/tls/ca.crt" }}
{{- end }}
{{- range $variable, $file := include "service.files" . | fromYaml }}
{{- $_ := set $plain (printf "LYCEUM_%s_FILE" $variable) (printf "/etc/lyceum/secrets/%s" $variable) }}
{{- end }}
{{- range $name, $file := .Values.files }}
{{- $inside := $file.key | default "" }}
{{- $_ := set $plain (printf "LYCEUM_%s" $name) (printf "/etc/lyceum/files/%s/%s" $name $inside | trimSuffix "/") }}
{{- end }}
{{- range $name, $value := .Values.config }}
{{- $variable := printf "LYCEUM_%s" $name }}
{{- if hasKey $values.secrets $name }}{{ fail (printf "%s.config.%s stands in %s.secrets as well: expected one of the two" $.Chart.Name $name $.Chart.Name) }}{{ end }}
{{- $_ := set $plain $variable ($value | toString) }}
{{- end }}
{{- range $name, $value := .Values.extraEnv }}
{{- if not (kindIs "map" $value) }}{{ $_ := set $plain $name ($value | toString) }}{{ end }}
{{- end }}
{{- toYaml $plain -}}
{{- end -}}

{{/* The database's address without the password, which PGPASSWORD carries: so it may hold any character. */}}
{{- define "service.databaseUrl" -}}
{{- $global := (.Values.global).database | default dict -}}
{{- $own := .Values.database -}}
{{- /* The umbrella refuses a release without any. */}}
{{- $host := $own.host | default $global.host | default "database" -}}
{{- $mode := $own.sslmode | default $global.sslmode | default "require" -}}
postgres://{{ $own.user | default .Chart.Name }}@{{ $host }}:{{ int ($own.port | default $global.port | default 5432) }}/{{ $own.name | default .Chart.Name }}?sslmode={{ $mode }}
{{- end -}}

{{/* Secrets that are mounted as files: variable without LYCEUM_ → {secret, key}. Certificates of the stores are not secret, but come the same way. */}}
{{- define "service.files" -}}
{{- $global := .Values.global | default dict -}}
{{- $keys := ($global.keys).existingSecret | default "lyceum-keys" -}}
{{- $files := dict -}}
{{- if has "SERVICE_KEY" .Values.reads }}{{ $_ := set $files "SERVICE_KEY" (dict "secret" $keys "key" (printf "%s.pkcs8" .Chart.Name)) }}{{ end }}
{{- if has "KEY_SECRET" .Values.reads }}{{ $_ := set $files "KEY_SECRET" (dict "secret" $keys "key" "key-secret") }}{{ end }}
{{- if .Values.database.enabled }}
{{- $secret := .Values.database.existingSecret | default ($global.database).existingSecret | default "lyceum-database" }}
{{- with .Values.database.urlKey }}{{ $_ := set $files "DATABASE_URL" (dict "secret" $secret "key" .) }}{{ end }}
{{- with (.Direct).urlKey }}{{ $_ := set $files "DATABASE_DIRECT_URL" (dict "secret" $secret "key" .) }}{{ end }}
{{- with ($global.database).ca }}{{ if .existingSecret }}{{ $_ := set $files "DATABASE_CA" (dict "secret" .existingSecret "key" .key) }}{{ end }}{{ end }}
{{- end }}
{{- if .Values.amqp.enabled }}
{{- $secret := .Values.amqp.existingSecret | default ($global.amqp).existingSecret | default "lyceum-rabbitmq" }}
{{- $_ := set $files "AMQP_URL" (dict "secret" $secret "key" (.Values.amqp.urlKey | default ($global.amqp).urlKey | default "url")) }}
{{- with ($global.amqp).ca }}{{ if .existingSecret }}{{ $_ := set $files "AMQP_CA" (dict "secret" .existingSecret "key" .key) }}{{ end }}{{ end }}
{{- end }}
{{- if .Values.redis.enabled }}
{{- $secret := .Values.redis.existingSecret | default ($global.redis).existingSecret | default "lyceum-redis" }}
{{- $_ := set $files "REDIS_URL" (dict "secret" $secret "key" (.Values.redis.urlKey | default ($global.redis).urlKey | default "url")) }}
{{- with ($global.redis).ca }}{{ if .existingSecret }}{{ $_ := set $files "REDIS_CA" (dict "secret" .existingSecret "key" .key) }}{{ end }}{{ end }}
{{- end }}
{{- range $variable, $from := .Values.secrets }}
{{- if and $from.secret (not $from.env) }}{{ $_ := set $files $variable (dict "secret" $from.secret "key" $from.key) }}{{ end }}
{{- end }}
{{- toYaml $files -}}
{{- end -}}

{{/* Secrets that the program reads from its environment: name → {secret, key}. */}}
{{- define "service.secretVariables" -}}
{{- $global := .Values.global | default dict -}}
{{- $from := dict "LYCEUM_SERVICE_KEYS" (dict "secret" (($global.keys).existingSecret | default "lyceum-keys") "key" "jwks.json") -}}
{{- if and .Values.database.enabled (not .Values.database.urlKey) }}
{{- $secret := .Values.database.existingSecret | default ($global.database).existingSecret | default "lyceum-database" }}
{{- $_ := set $from "PGPASSWORD" (dict "secret" $secret "key" (.Values.database.passwordKey | default .Chart.Name)) }}
{{- end }}
{{- range $variable, $secret := .Values.secrets }}
{{- if and $secret.secret $secret.env }}{{ $_ := set $from (printf "LYCEUM_%s" $variable) (dict "secret" $secret.secret "key" $secret.key) }}{{ end }}
{{- end }}
{{- toYaml $from -}}
{{- end -}}

{{/* The `env` of a container. */}}
{{- define "service.env" -}}
{{- $plain := include "service.plain" . | fromYaml -}}
{{- $secret := include "service.secretVariables" . | fromYaml -}}
{{- range $name, $value := $plain }}
{{- if hasKey $secret $name }}{{ fail (printf "%s of %s is set twice: by a Secret and by values" $name $.Chart.Name) }}{{ end }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $name, $from := $secret }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secret }}
      key: {{ $from.key }}
{{- end }}
{{- range $name, $value := .Values.extraEnv }}
{{- if kindIs "map" $value }}
- name: {{ $name }}
  {{- toYaml $value | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Where the database itself is, past a pooler, as YAML: host, port, urlKey, and whether that is another place than the pooler's. {Values: a
service's with `global`}.
*/}}
{{- define "service.direct" -}}
{{- $own := .Values.database -}}
{{- $direct := dict -}}
{{- if not (or $own.host $own.urlKey) }}{{ $direct = ((.Values.global).database).direct | default dict }}{{ end -}}
{{- if or $own.direct.host $own.direct.port $own.direct.urlKey }}{{ $direct = $own.direct }}{{ end -}}
host: {{ $direct.host | default $own.host | default "" | quote }}
port: {{ int ($direct.port | default $own.port | default 0) }}
urlKey: {{ $direct.urlKey | default (ternary "" $own.urlKey (ne ($direct.host | default "") "")) | default "" | quote }}
apart: {{ or (not (empty $direct.host)) (not (empty $direct.urlKey)) (gt (int $direct.port) 0) }}
{{- end -}}

{{- define "service.volumeMounts" -}}
{{- $global := .Values.global | default dict -}}
{{- if include "service.files" . | fromYaml }}
- name: secrets
  mountPath: /etc/lyceum/secrets
  readOnly: true
{{- end }}
{{- if ($global.tls).enabled }}
- name: tls
  mountPath: /etc/lyceum/tls
  readOnly: true
{{- end }}
{{- range $name, $file := .Values.files }}
- name: {{ include "service.fileVolume" $name }}
  mountPath: /etc/lyceum/files/{{ $name }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* One volume with exactly the keys that this service reads, each under its variable's name. */}}
{{- define "service.volumes" -}}
{{- $global := .Values.global | default dict -}}
{{- $bySecret := dict -}}
{{- range $variable, $from := include "service.files" . | fromYaml }}
{{- $_ := set $bySecret $from.secret (append (get $bySecret $from.secret | default list) (dict "key" $from.key "path" $variable)) }}
{{- end }}
{{- if $bySecret }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
    {{- range $secret, $items := $bySecret }}
      - secret:
          name: {{ $secret }}
          items:
          {{- range $items }}
            - {key: {{ .key | quote }}, path: {{ .path }}}
          {{- end }}
    {{- end }}
{{- end }}
{{- if ($global.tls).enabled }}
- name: tls
  secret:
    secretName: {{ include "lyceum.name" (dict "root" . "component" .Chart.Name) }}-tls
    defaultMode: 0440
{{- end }}
{{- range $name, $file := .Values.files }}
- name: {{ include "service.fileVolume" $name }}
  {{- if $file.configMap }}
  configMap:
    name: {{ $file.configMap }}
  {{- else }}
  secret:
    secretName: {{ $file.secret }}
    defaultMode: 0440
  {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "service.fileVolume" -}}
file-{{ . | lower | replace "_" "-" }}
{{- end -}}

{{/* Whether its pods talk to the API server, which is for discovery only. */}}
{{- define "service.discovers" -}}
{{- if and .Values.neighbours (eq ((.Values.global).discovery | default "kubernetes") "kubernetes") }}true{{ end -}}
{{- end -}}
