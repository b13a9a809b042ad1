{{/* The chart's name, in labels. */}}
{{- define "build.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of all objects' names. */}}
{{- define "build.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "build.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "build.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The Job's name. A Job is immutable, so another commit or other values need another Job. */}}
{{- define "build.job" -}}
{{- printf "%s-%s-%s" (include "build.fullname" .) (trunc 8 .Values.revision) (.Values | toJson | sha256sum | trunc 6) }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "build.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "build.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels that select the pods. */}}
{{- define "build.selector" -}}
app.kubernetes.io/name: {{ include "build.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: build
{{- end }}

{{/* Environment, as a list of variables; takes (dict "root" $ "env" (dict …)), which overrides the values' `env`. */}}
{{- define "build.env" -}}
{{- range $name, $value := merge (dict) .env .root.Values.env }}
- {name: {{ $name }}, value: {{ toString $value | quote }}}
{{- end }}
{{- end }}

{{/* Security context: root with only the capabilities that apt-get and mmdebstrap use. */}}
{{- define "build.rights" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  add: [CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID, SYS_CHROOT]
seccompProfile: {type: RuntimeDefault}
{{- end }}
