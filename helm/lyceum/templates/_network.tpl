{{/* The services of the release, in the order of the dependencies, as a JSON list. */}}
{{- define "lyceum.services" -}}
{{- $services := list -}}
{{- range list "gateway" "users" "courses" "payments" "notifications" "documents" "analytics" }}
{{- if (get $.Values .).enabled }}{{ $services = append $services . }}{{ end }}
{{- end }}
{{- toJson $services -}}
{{- end -}}

{{/* The pods of a component, as a peer. */}}
{{- define "lyceum.peer" -}}
podSelector:
  matchLabels:
    {{- include "lyceum.selectorLabels" . | nindent 4 }}
{{- end -}}

{{- define "lyceum.egress.dns" -}}
- ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
    {{- with $.Values.networkPolicy.dns.nodeLocal }}
    - ipBlock: {cidr: {{ . }}/{{ ternary 128 32 (contains ":" .) }}}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* What counts as private, in the families of the cluster, as a JSON list: {Values}. */}}
{{- define "lyceum.privateRanges" -}}
{{- $ranges := .Values.networkPolicy.privateRanges -}}
{{- if has "IPv6" .Values.global.ipFamilies }}{{ $ranges = append $ranges "fc00::/7" | uniq }}{{ end -}}
{{- toJson $ranges -}}
{{- end -}}

{{/* A way to something of ours: {root, to: peers, ports}. Without peers: any private address, so that it never leads to the Internet. */}}
{{- define "lyceum.egress.private" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  to:
    {{- if .to }}
    {{- toYaml .to | nindent 4 }}
    {{- else }}
    {{- range include "lyceum.privateRanges" .root | fromJsonArray }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* A way to the outside: {root, exit: {to, ports}}. Without peers: any address that is not private, so that it never leads inside. */}}
{{- define "lyceum.egress.exit" -}}
- ports:
    {{- range .exit.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  to:
    {{- if .exit.to }}
    {{- toYaml .exit.to | nindent 4 }}
    {{- else }}
    {{- /* Link-local addresses are where clouds keep the node's credentials; 64:ff9b:: leads to any address of the other family. */}}
    {{- $inside := concat (include "lyceum.privateRanges" .root | fromJsonArray) (list "169.254.0.0/16" "127.0.0.0/8" "fe80::/10" "::1/128" "64:ff9b::/96") | uniq }}
    {{- range $family := .root.Values.global.ipFamilies }}
    {{- $six := eq $family "IPv6" }}
    - ipBlock:
        cidr: {{ ternary "::/0" "0.0.0.0/0" $six | quote }}
        except:
          {{- range $inside }}
          {{- if eq (contains ":" .) $six }}
          - {{ . | quote }}
          {{- end }}
          {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* The stores of a service: {root, service, direct: past the pooler}. */}}
{{- define "lyceum.egress.stores" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $lines := list -}}
{{- if .service.database.enabled }}
{{- $global := .root.Values.global.database }}
{{- $global := .root.Values.global.database }}
{{- $ports := list (int (.service.database.port | default $global.port)) }}
{{- if .direct }}
{{- $direct := include "service.direct" (dict "Values" (merge (dict "global" .root.Values.global) .service)) | fromYaml }}
{{- $ports = append $ports (int ($direct.port | default $global.port)) | uniq }}
{{- end }}
{{- $to := .service.database.to | default $policy.database.to }}
{{- $lines = append $lines (include "lyceum.egress.private" (dict "root" .root "to" $to "ports" $ports)) }}
{{- end }}
{{- if .service.amqp.enabled }}
{{- $lines = append $lines (include "lyceum.egress.private" (dict "root" .root "to" $policy.amqp.to "ports" $policy.amqp.ports)) }}
{{- end }}
{{- if .service.redis.enabled }}
{{- $lines = append $lines (include "lyceum.egress.private" (dict "root" .root "to" $policy.redis.to "ports" $policy.redis.ports)) }}
{{- end }}
{{- join "\n" $lines -}}
{{- end -}}
