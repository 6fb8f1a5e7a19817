{{- define "signer.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-signer
{{- end }}

{{- define "signer.selector" -}}
app.kubernetes.io/name: chainmail-signer
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "signer.labels" -}}
{{ include "signer.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "signer.credentials" -}}
{{ .Values.credentials.secret | default (printf "%s-credentials" (include "signer.name" .)) }}
{{- end }}

{{- define "signer.store" -}}
{{- if .Values.mongodb.enabled -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-mongodb
{{- else -}}
{{ required "store.secret names the secret with the mongodb:// address where mongodb.enabled is false" .Values.store.secret }}
{{- end -}}
{{- end }}
