{{/* The names that may be called: the configured ones and the hosts that services are configured with. */}}
{{- define "lyceum.allowedNames" -}}
{{- $names := .Values.egressProxy.allow -}}
{{- if and .Values.payments.enabled .Values.payments.egressProxy }}
{{- with .Values.payments.config.TBANK_URL }}{{ $names = append $names (urlParse . ).hostname }}{{ end }}
{{- end }}
{{- if and .Values.documents.enabled .Values.documents.egressProxy }}
{{- with .Values.documents.config.S3_URL }}
{{- $host := (urlParse .).hostname }}
{{- $names = append $names $host }}
{{- if eq ($.Values.documents.config.S3_ADDRESSING | default "path") "virtual" }}{{ $names = append $names (printf "%s.%s" $.Values.documents.config.S3_BUCKET $host) }}{{ end }}
{{- end }}
{{- end }}
{{- if and .Values.backup.enabled (include "lyceum.backup.proxied" .) }}
{{- range $url := compact (list .Values.backup.s3.url (ternary .Values.documents.config.S3_URL "" .Values.backup.objects.enabled)) }}
{{- $names = append $names (urlParse $url).hostname }}
{{- end }}
{{- if eq .Values.backup.s3.addressing "virtual" }}{{ $names = append $names (printf "%s.%s" .Values.backup.s3.bucket (urlParse .Values.backup.s3.url).hostname) }}{{ end }}
{{- end }}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/*
CONNECT only (but for exceptions inside), to listed names and ports, never to a private address: neither to one that was asked for nor to one that a listed name
leads to. Nothing is kept, nothing is read; TLS goes through as it is.
*/}}
{{- define "lyceum.squid" -}}
http_port 3128
visible_hostname egress-proxy
{{- /* A name that leads to another address from one look to the next is looked up once for the check and the connection. */}}
positive_dns_ttl 1 minute
negative_dns_ttl 1 second

acl CONNECT method CONNECT
{{- range fromJsonArray (include "lyceum.allowedNames" .) }}
acl allowed_names dstdomain -n {{ . }}
{{- else }}
acl allowed_names dstdomain -n invalid.
{{- end }}
{{- range .Values.egressProxy.ports }}
acl allowed_ports port {{ . }}
{{- end }}
{{- range .Values.egressProxy.privateExceptions }}
acl exceptions dst {{ . }}
{{- end }}
{{- range .Values.networkPolicy.privateRanges }}
acl private dst {{ . }}
{{- end }}
acl private dst 0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 192.0.0.0/24 198.18.0.0/15 224.0.0.0/3
acl private dst ::1/128 64:ff9b::/96 fc00::/7 fe80::/10 ff00::/8
{{- if .Values.egressProxy.privateExceptions }}
# What is private may be called in the clear as well: such stores often speak nothing else.
http_access deny !CONNECT !exceptions
{{- else }}
http_access deny !CONNECT
{{- end }}
http_access deny !allowed_ports
http_access deny !allowed_names
{{- if .Values.egressProxy.privateExceptions }}
http_access allow exceptions
{{- end }}
http_access deny private
http_access allow all

cache deny all
cache_mem 0 MB
memory_pools off
pinger_enable off
netdb_filename none
pid_filename none
coredump_dir /tmp
shutdown_lifetime 25 seconds
connect_timeout 5 seconds
forwarded_for delete
httpd_suppress_version_string on
cache_log stdio:/dev/stderr
# One line a connection: when, how long, from where, what came of it, to where. No address beyond the name is ever known.
logformat exit {"@timestamp":"%{%Y-%m-%dT%H:%M:%S}tg.%03tuZ","service.name":"egress-proxy","event.duration_ms":%tr,"client.ip":"%>a","outcome":"%Ss/%03>Hs","destination":"%#ru","destination.ip":"%<a","bytes":%<st}
# Probes connect and say nothing.
acl asked has request
access_log stdio:/dev/stdout exit asked
{{- end -}}
