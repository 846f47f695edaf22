{{- define "service.migrationPod" -}}
restartPolicy: Never
serviceAccountName: {{ include "lyceum.name" (dict "root" . "component" .Chart.Name) }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "lyceum.pullSecrets" . }}
{{- with .Values.priorityClassName | default (.Values.global).priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "lyceum.podSecurityContext" . | nindent 2 }}
containers:
  - name: migrate
    image: {{ include "lyceum.image" (dict "root" . "image" .Values.image "repository" (printf "%s/%s" (((.Values.global).image).prefix | default "lyceum") .Chart.Name)) }}
    imagePullPolicy: {{ ((.Values.global).image).pullPolicy | default "IfNotPresent" }}
    args: [migrate]
    securityContext:
      {{- include "lyceum.containerSecurityContext" . | nindent 6 }}
    env:
      {{- include "service.env" . | trim | nindent 6 }}
    resources:
      {{- toYaml .Values.migration.resources | nindent 6 }}
    {{- with include "service.volumeMounts" . | trim }}
    volumeMounts:
      {{- . | nindent 6 }}
    {{- end }}
{{- with include "service.volumes" . | trim }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
