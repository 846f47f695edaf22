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
  {{- end }}
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
    {{- range .root.Values.networkPolicy.privateRanges }}
    - ipBlock: {cidr: {{ . }}}
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
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          {{- /* Link-local addresses are where clouds keep the node's credentials. */}}
          {{- toYaml (concat .root.Values.networkPolicy.privateRanges (list "169.254.0.0/16" "127.0.0.0/8") | uniq) | nindent 10 }}
    {{- end }}
{{- end -}}

{{/* The stores of a service: {root, service}. */}}
{{- define "lyceum.egress.stores" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $lines := list -}}
{{- if .service.database.enabled }}
{{- $port := int (.service.database.port | default .root.Values.global.database.port) }}
{{- $to := .service.database.to | default $policy.database.to }}
{{- $lines = append $lines (include "lyceum.egress.private" (dict "root" .root "to" $to "ports" (list $port))) }}
{{- end }}
{{- if .service.amqp.enabled }}
{{- $lines = append $lines (include "lyceum.egress.private" (dict "root" .root "to" $policy.amqp.to "ports" $policy.amqp.ports)) }}
{{- end }}
{{- if .service.redis.enabled }}
{{- $lines = append $lines (include "lyceum.egress.private" (dict "root" .root "to" $policy.redis.to "ports" $policy.redis.ports)) }}
{{- end }}
{{- join "\n" $lines -}}
{{- end -}}
