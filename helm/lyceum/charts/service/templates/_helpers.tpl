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
{{- with (.root.Values.global).commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Labels of a pod: {root, component, version}. Nothing of the chart stands here: a release that changes a dashboard, or another service,
must leave this pod as it is. The version is the image's own, so that it changes only where the pod does anyway.
*/}}
{{- define "lyceum.podLabels" -}}
{{ include "lyceum.selectorLabels" . }}
app.kubernetes.io/part-of: lyceum
{{- with .version }}
app.kubernetes.io/version: {{ . | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{- end }}
{{- with (.root.Values.global).commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Annotations of an object, as the line after its labels: {root, annotations: the object's own}. */}}
{{- define "lyceum.annotations" -}}
{{- with merge (dict) (.annotations | default dict) ((.root.Values.global).commonAnnotations | default dict) }}
{{- list "" "annotations:" (toYaml . | indent 2) | join "\n" | replace "\n" "\n  " }}
{{- end }}
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

{{/* What a pod says of its version: {root, image}. A digest is one, too. */}}
{{- define "lyceum.version" -}}
{{- if .image.digest }}{{ .image.digest | replace ":" "-" | trunc 19 }}{{ else }}{{ include "lyceum.tag" . }}{{ end -}}
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

{{/*
What the Pod Security Standard "restricted" asks of a pod, and more, or `global.podSecurityContext` instead; what the service has of its
own goes over it. 65532 is the user inside our images.
*/}}
{{- define "lyceum.podSecurityContext" -}}
{{- $default := dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 65532 "fsGroup" 65532 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- mergeOverwrite (dict) ((.Values.global).podSecurityContext | default $default) (.Values.podSecurityContext | default dict) | toYaml -}}
{{- end -}}

{{- define "lyceum.containerSecurityContext" -}}
{{- $default := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- mergeOverwrite (dict) ((.Values.global).containerSecurityContext | default $default) (.Values.securityContext | default dict) | toYaml -}}
{{- end -}}

{{/* Fields of a pod that are the cluster's business: a service's own, or the release's. */}}
{{- define "lyceum.podFields" -}}
{{- $global := .Values.global | default dict -}}
{{- range $field := list "hostAliases" "dnsPolicy" "dnsConfig" "runtimeClassName" "schedulerName" }}
{{- with get $.Values $field | default (get $global $field) }}
{{ $field }}:{{ if kindIs "string" . }} {{ . }}{{ else }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- end }}
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
