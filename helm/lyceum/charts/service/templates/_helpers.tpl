{{/*
Helpers of the umbrella and of its services. They stand in the sub-chart, so that it renders alone, and are seen by both.

Most take {root: the chart's context, component: users}.
*/}}

{{/* What every name of the release begins with. */}}
{{- define "lyceum.stem" -}}
{{- $global := .Values.global | default dict -}}
{{- if $global.fullnameOverride -}}
{{- $global.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains "lyceum" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-lyceum" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "lyceum.name" -}}
{{- printf "%s-%s" (include "lyceum.stem" .root) .component | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Never the version: selectors cannot change. */}}
{{- define "lyceum.selectorLabels" -}}
app.kubernetes.io/name: lyceum
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "lyceum.labels" -}}
{{ include "lyceum.selectorLabels" . }}
app.kubernetes.io/part-of: lyceum
app.kubernetes.io/version: {{ .version | default .root.Chart.AppVersion | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "lyceum-%s" .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* The reference of an image: {root, image: {registry, repository, tag, digest}, repository: the default}. A digest wins over every tag. */}}
{{- define "lyceum.image" -}}
{{- $global := (.root.Values.global).image | default dict -}}
{{- $repository := .image.repository | default .repository -}}
{{- $registry := .image.registry | default $global.registry -}}
{{- if $registry }}{{ printf "%s/" (trimSuffix "/" $registry) }}{{ end -}}
{{- $repository -}}
{{- if .image.digest }}@{{ .image.digest }}
{{- else }}:{{ include "lyceum.tag" . }}
{{- end -}}
{{- end -}}

{{- define "lyceum.tag" -}}
{{- $global := (.root.Values.global).image | default dict -}}
{{- .image.tag | default $global.tag | default .root.Chart.AppVersion -}}
{{- end -}}

{{/* An image that others make: {root, image: {registry, repository, tag, digest}}. `global.image.mirror` stands before all of them. */}}
{{- define "lyceum.foreignImage" -}}
{{- $global := (.root.Values.global).image | default dict -}}
{{- $registry := $global.mirror | default .image.registry -}}
{{- if $registry }}{{ printf "%s/" (trimSuffix "/" $registry) }}{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag }}{{ end -}}
{{- end -}}

{{- define "lyceum.pullSecrets" -}}
{{- with ((.Values.global).image).pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What the Pod Security Standard "restricted" asks of a pod, and more. 65532 is the user inside our images. */}}
{{- define "lyceum.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "lyceum.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where a neighbour is: {root, component}. */}}
{{- define "lyceum.target" -}}
{{- $global := .root.Values.global | default dict -}}
{{- $name := include "lyceum.name" . -}}
{{- if eq ($global.discovery | default "kubernetes") "kubernetes" -}}
{{ ternary "kube+https" "kube" (($global.tls).enabled | default false) }}://{{ $name }}:grpc
{{- else -}}
{{ ternary "https" "http" (($global.tls).enabled | default false) }}://{{ $name }}.{{ .root.Release.Namespace }}.svc:7000
{{- end -}}
{{- end -}}

{{/* The address of the egress proxy, as services take it. */}}
{{- define "lyceum.egressProxy" -}}
http://{{ include "lyceum.name" (dict "root" . "component" "egress-proxy") }}.{{ .Release.Namespace }}.svc:3128
{{- end -}}
