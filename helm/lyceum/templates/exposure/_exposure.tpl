{{/* The names under which the school is reached, as a JSON list. */}}
{{- define "lyceum.hostnames" -}}
{{- .Values.exposure.hostnames | default (list (urlParse .Values.global.publicUrl).hostname) | toJson -}}
{{- end -}}

{{- define "lyceum.publicTlsSecret" -}}
{{- .Values.exposure.certificate.secretName | default (include "lyceum.name" (dict "root" . "component" "public-tls")) -}}
{{- end -}}
