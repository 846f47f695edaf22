{{/*
What keeps events that nobody could handle, as lines of rabbitmq.conf for a broker that is made with the release: RabbitMQ 4 drops from
a quorum queue what was delivered 20 times and given back, so that looking at dead letters would throw them away. It holds for virtual
hosts that are made after it. -1 would say "never"; the largest number says it to older brokers, too.
*/}}
{{- define "lyceum.deadLettersStay" -}}
{{- $policy := "default_policies.operator.keep-what-was-taken-in-vain" -}}
{{ $policy }}.queue_pattern = \.(dead-letters|unrouted)$
{{ $policy }}.delivery_limit = 2147483647
{{- end -}}
