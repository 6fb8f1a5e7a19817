{{- define "mongodb.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-mongodb
{{- end }}

{{- define "mongodb.selector" -}}
app.kubernetes.io/name: mongodb
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
