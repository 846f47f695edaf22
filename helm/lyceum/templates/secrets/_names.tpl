{{/* The Secrets that have to be there, as a JSON list: name: keys. */}}
{{- define "lyceum.secretNames" -}}
{{- $global := .Values.global -}}
{{- $keys := dict -}}
{{- $own := list "jwks.json" "key-secret" -}}
{{- $databases := dict -}}
{{- range $service := include "lyceum.services" . | fromJsonArray }}
{{- $values := get $.Values $service }}
{{- if has "SERVICE_KEY" $values.reads }}{{ $own = append $own (printf "%s.pkcs8" $service) }}{{ end }}
{{- if $values.database.enabled }}
{{- $secret := $values.database.existingSecret | default $global.database.existingSecret }}
{{- $_ := set $keys $secret (append (get $keys $secret | default list) ($values.database.urlKey | default $values.database.passwordKey | default $service)) }}
{{- end }}
{{- if $values.amqp.enabled }}{{ $_ := set $keys ($values.amqp.existingSecret | default $global.amqp.existingSecret) (list ($values.amqp.urlKey | default $global.amqp.urlKey)) }}{{ end }}
{{- if $values.redis.enabled }}{{ $_ := set $keys ($values.redis.existingSecret | default $global.redis.existingSecret) (list ($values.redis.urlKey | default $global.redis.urlKey)) }}{{ end }}
{{- range $from := $values.secrets }}
{{- if $from.secret }}{{ $_ := set $keys $from.secret (append (get $keys $from.secret | default list) $from.key) }}{{ end }}
{{- end }}
{{- end }}
{{- range $store := list "database" "amqp" "redis" }}
{{- with (get $global $store).ca }}
{{- if .existingSecret }}{{ $_ := set $keys .existingSecret (append (get $keys .existingSecret | default list) .key) }}{{ end }}
{{- end }}
{{- end }}
{{- with .Values.backup }}
{{- if .enabled }}{{ $_ := set $keys .s3.existingSecret (list .s3.accessKeyKey .s3.secretKeyKey) }}{{ end }}
{{- end }}
{{- $_ := set $keys $global.keys.existingSecret $own }}
{{- $lines := list }}
{{- range $secret, $names := $keys }}{{ $lines = append $lines (printf "%-24s %s" $secret ($names | uniq | join ", ")) }}{{ end }}
{{- toJson $lines -}}
{{- end -}}
