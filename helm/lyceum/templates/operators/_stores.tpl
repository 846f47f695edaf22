{{/*
The stores that operators make, as YAML: name → {labels: of their pods, ports: what the services call, management, metrics, api: whether
they talk to the API server, operator: its namespace}.
*/}}
{{- define "lyceum.operators.stores" -}}
{{- $operators := .Values.operators -}}
{{- $tls := $operators.rabbitmq.tls.enabled -}}
{{- $stores := dict
  "postgresql" (dict
    "labels" (dict "cnpg.io/cluster" (include "lyceum.name" (dict "root" . "component" "postgresql")))
    "ports" (list 5432) "metrics" 9187 "api" true)
  "rabbitmq" (dict
    "labels" (dict "app.kubernetes.io/name" (include "lyceum.name" (dict "root" . "component" "rabbitmq")))
    "ports" (list (ternary 5671 5672 $tls)) "management" (ternary 15671 15672 $tls) "metrics" (ternary 15691 15692 $tls) "api" true)
  "redis" (dict
    "labels" (dict "app" (include "lyceum.name" (dict "root" . "component" "redis")))
    "ports" (list 6379) "metrics" 9121 "api" false)
-}}
{{- $enabled := dict -}}
{{- range $store, $it := $stores }}
{{- $values := get $operators $store }}
{{- if $values.enabled }}{{ $_ := set $enabled $store (merge $it (dict "operator" $values.operatorNamespace)) }}{{ end }}
{{- end }}
{{- toYaml $enabled -}}
{{- end -}}

{{/* The broker's certificate. */}}
{{- define "lyceum.operators.rabbitmqTls" -}}
{{- .Values.operators.rabbitmq.tls.secretName | default (printf "%s-tls" (include "lyceum.name" (dict "root" . "component" "rabbitmq"))) -}}
{{- end -}}

{{/* Whether something is scaled by the length of its queue, so that KEDA asks the broker. */}}
{{- define "lyceum.asksBroker" -}}
{{- range include "lyceum.services" . | fromJsonArray }}
{{- if (get $.Values .).keda.enabled }}true{{ end }}
{{- end }}
{{- end -}}
