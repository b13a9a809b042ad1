{{/* The chart's name, in labels. */}}
{{- define "build.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of all objects' names; other characters than those of a host name become dashes. */}}
{{- define "build.fullname" -}}
{{- $name := .Release.Name }}
{{- if .Values.fullnameOverride }}
{{- $name = .Values.fullnameOverride }}
{{- else if not (contains (include "build.name" .) .Release.Name) }}
{{- $name = printf "%s-%s" .Release.Name (include "build.name" .) }}
{{- end }}
{{- regexReplaceAll "[^a-z0-9-]" (lower $name) "-" | trunc 40 | trimAll "-" }}
{{- end }}

{{/* The scripts of the containers, by name. */}}
{{- define "build.scripts" -}}
{{- range $path, $_ := .Files.Glob "scripts/*" }}
{{ base $path }}: |
  {{- $.Files.Get $path | nindent 2 }}
{{- end }}
{{- end }}

{{/* The Job's name. A Job is immutable, so another commit, other values or other scripts need another Job. */}}
{{- define "build.job" -}}
{{- $inputs := printf "%s%s" (toJson .Values) (include "build.scripts" .) }}
{{- printf "%s-%s-%s" (include "build.fullname" .) (trunc 8 .Values.revision) ($inputs | sha256sum | trunc 6) }}
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
- {name: {{ $name }}, value: {{ include "build.text" $value | quote }}}
{{- end }}
{{- end }}

{{/* Text of a value. Helm reads numbers of a file as floating point, and prints 10000000 as 1e+07; JSON has all digits. */}}
{{- define "build.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ toJson . }}{{ end }}
{{- end }}

{{/* Variables from Secrets, for the container `build`; takes (dict "root" $ "env" (dict …)) with the variables of the chart. */}}
{{- define "build.secret-env" -}}
{{- $env := .env }}
{{- $values := .root.Values }}
{{- range $values.secretEnv }}
{{- if hasKey $env .name }}
{{- fail (printf "secretEnv: the chart sets %s itself: remove it" .name) }}
{{- end }}
{{- if hasKey $values.env .name }}
{{- fail (printf "secretEnv: %s is in `env` too, which all containers have: remove it there" .name) }}
{{- end }}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}
{{- end }}

{{/* Fails for a key that the chart sets itself; takes (dict "value" name "own" keys "given" map). */}}
{{- define "build.check-own" -}}
{{- range $key, $_ := .given }}
{{- if or (has $key $.own) (hasPrefix "nvidia-installer/" $key) }}
{{- fail (printf "%s: the chart sets %s itself: remove it" $.value $key) }}
{{- end }}
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
