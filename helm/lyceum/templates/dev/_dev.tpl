{{/*
Stores and an outside world for trying the chart, one pod each, without durability. Everything here is behind `dev.enabled`.
*/}}


{{/* What was made at the first install, or else something new: {old: data of a Secret, key, fresh}. */}}
{{- define "lyceum.dev.kept" -}}
{{- $old := get (.old | default dict) .key -}}
{{- if $old }}{{ $old | b64dec }}{{ else }}{{ .fresh }}{{ end -}}
{{- end -}}

{{/*
A new Ed25519 key as the services read it: {pkcs8, x, kid}. Sprig makes the private half; the public one stands in a certificate that it
signs with it, after the OID of Ed25519 and the head of the bit string. The key's id is the start of its thumbprint (RFC 7638) in
base64url, of which three hexadecimal digits make two letters.
*/}}
{{- define "lyceum.dev.key" -}}
{{- $pem := genPrivateKey "ed25519" -}}
{{- $armour := "-----[A-Z ]+-----|\\s" -}}
{{- $certificate := regexReplaceAll $armour (genSelfSignedCertWithKey "lyceum" (list) (list) 1 $pem).Cert "" | b64dec -}}
{{- $raw := substr 0 32 (index (splitList "\x2b\x65\x70\x03\x21\x00" $certificate) 1) -}}
{{- $x := $raw | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $sum := sha256sum (printf `{"crv":"Ed25519","kty":"OKP","x":"%s"}` $x) -}}
{{- $letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" -}}
{{- $kid := "" -}}
{{- range $i := until 6 -}}
{{- $digits := substr (mul $i 3 | int) (add (mul $i 3) 3 | int) $sum -}}
{{- $number := sub (int64 (printf "0x1%s" $digits)) 4096 -}}
{{- range list (div $number 64) (mod $number 64) -}}
{{- $kid = printf "%s%s" $kid (substr (int .) (add1 . | int) $letters) -}}
{{- end -}}
{{- end -}}
pkcs8: {{ regexReplaceAll $armour $pem "" }}
x: {{ $x }}
kid: {{ $kid }}
{{- end -}}

{{/* Metadata of a component's object: {root, component}. */}}
{{- define "lyceum.metadata" -}}
name: {{ include "lyceum.name" . }}
labels:
  {{- include "lyceum.labels" . | nindent 2 }}
{{- include "lyceum.annotations" . | replace "\n  " "\n" }}
{{- end -}}

{{/* A store's head, up to its containers: {root, component, user, mutable: whether its volume is kept}. */}}
{{- define "lyceum.dev.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "lyceum.pullSecrets" .root }}
terminationGracePeriodSeconds: 30
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* Probes of something that listens: its port. */}}
{{- define "lyceum.dev.probes" -}}
startupProbe:
  tcpSocket: {port: {{ . }}}
  periodSeconds: 1
  failureThreshold: 180
readinessProbe:
  tcpSocket: {port: {{ . }}}
  periodSeconds: 5
livenessProbe:
  tcpSocket: {port: {{ . }}}
  periodSeconds: 20
  failureThreshold: 6
{{- end -}}

{{/* A Service with one port: {root, component, port: name, number}. */}}
{{- define "lyceum.dev.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "lyceum.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "lyceum.selectorLabels" . | nindent 4 }}
  ports:
    {{- range $name, $number := .ports }}
    - {name: {{ $name }}, port: {{ $number }}, targetPort: {{ $name }}, protocol: TCP}
    {{- end }}
{{- end -}}

{{/* The volume of a store's data, or nothing where a claim makes it: {root, name}. */}}
{{- define "lyceum.dev.data" -}}
{{- if not .root.Values.dev.persistence.enabled }}
- name: data
  emptyDir: {sizeLimit: {{ .root.Values.dev.persistence.size }}}
{{- end }}
{{- end -}}

{{- define "lyceum.dev.claim" -}}
{{- if .Values.dev.persistence.enabled }}
volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .Values.dev.persistence.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources: {requests: {storage: {{ .Values.dev.persistence.size }}}}
{{- end }}
{{- end -}}
