{{- define "service.image" -}}
{{ include "lyceum.image" (dict "root" . "image" .Values.image "repository" (printf "%s/%s" (((.Values.global).image).prefix | default "lyceum") .Chart.Name)) }}
{{- end -}}

{{- define "service.account" -}}
{{ .Values.serviceAccount.name | default (include "lyceum.name" (dict "root" . "component" .Chart.Name)) }}
{{- end -}}

{{/* Liveness never asks for dependencies: a database that is away is no reason to start anew. */}}
{{- define "service.alive" -}}
httpGet:
  path: /livez
  port: admin
{{- end -}}

{{/* Ready: it serves, its schema is new enough, it is not draining. */}}
{{- define "service.ready" -}}
{{- if eq .Values.probes.via "grpc" -}}
grpc:
  port: {{ include "service.port" . }}
{{- else -}}
httpGet:
  path: /readyz
  port: admin
{{- end -}}
{{- end -}}

{{/* Over zones, then over nodes; pods of older ReplicaSets do not count, or a rollout would lean to one side. */}}
{{- define "service.spread" -}}
{{- $root := . -}}
{{- range $key, $whenFull := dict "topology.kubernetes.io/zone" .Values.spread.zone "kubernetes.io/hostname" .Values.spread.node }}
{{- if ne $whenFull "none" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: {{ $whenFull }}
  labelSelector:
    matchLabels:
      {{- include "lyceum.selectorLabels" (dict "root" $root "component" $root.Chart.Name) | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A Service's address families, where they are not the cluster's default. */}}
{{- define "service.families" -}}
{{- $families := (.Values.global).ipFamilies | default (list "IPv4") }}
{{- if ne (toJson $families) (toJson (list "IPv4")) }}
  ipFamilyPolicy: {{ ternary "PreferDualStack" "SingleStack" (gt (len $families) 1) }}
  ipFamilies: {{ toJson $families }}
{{- end }}
{{- end -}}

{{- define "service.adminPort" -}}
- name: admin
  port: 9090
  targetPort: admin
  protocol: TCP
  appProtocol: http
{{- end -}}
