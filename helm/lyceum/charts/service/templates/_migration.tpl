{{- define "service.migrationPod" -}}
{{- $own := .Values.migration -}}
restartPolicy: Never
serviceAccountName: {{ include "service.account" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "lyceum.pullSecrets" . }}
{{- with .Values.priorityClassName | default (.Values.global).priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- include "lyceum.podFields" . }}
securityContext:
  {{- include "lyceum.podSecurityContext" . | nindent 2 }}
{{- with $own.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: migrate
    image: {{ include "service.image" . }}
    imagePullPolicy: {{ ((.Values.global).image).pullPolicy | default "IfNotPresent" }}
    args: [migrate]
    securityContext:
      {{- include "lyceum.containerSecurityContext" . | nindent 6 }}
    env:
      {{- include "service.env" . | trim | nindent 6 }}
    {{- with .Values.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    resources:
      {{- toYaml $own.resources | nindent 6 }}
    {{- with include "service.volumeMounts" . | trim }}
    volumeMounts:
      {{- . | nindent 6 }}
    {{- end }}
{{- with include "service.volumes" . | trim }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- with $own.nodeSelector | default .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
