{{/* The chart's name, in labels. */}}
{{- define "nvidia-installer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of all objects' names; other characters than those of a host name become dashes. */}}
{{- define "nvidia-installer.fullname" -}}
{{- $name := .Release.Name }}
{{- if .Values.fullnameOverride }}
{{- $name = .Values.fullnameOverride }}
{{- else if not (contains (include "nvidia-installer.name" .) .Release.Name) }}
{{- $name = printf "%s-%s" .Release.Name (include "nvidia-installer.name" .) }}
{{- end }}
{{- regexReplaceAll "[^a-z0-9-]" (lower $name) "-" | trunc 40 | trimAll "-" }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "nvidia-installer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "nvidia-installer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels that select the pods of a component; takes (dict "root" $ "component" …). */}}
{{- define "nvidia-installer.component" -}}
app.kubernetes.io/name: {{ include "nvidia-installer.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/*
The suffix of an installer's names: `-arm64`, and "" for amd64, whose names are older than this suffix. A DaemonSet's name
and selector are immutable.
*/}}
{{- define "nvidia-installer.suffix" -}}
{{- $architecture := default "amd64" .installer.architecture }}
{{- if ne $architecture "amd64" }}-{{ $architecture }}{{ end }}
{{- end }}

{{/* The release with the suffix: a value that no other DaemonSet selects. */}}
{{- define "nvidia-installer.release" -}}
{{- .installer.release }}{{ include "nvidia-installer.suffix" . }}
{{- end }}

{{/* Labels that select the pods of one installer; takes (dict "root" $ "installer" … "component" …). */}}
{{- define "nvidia-installer.selector" -}}
{{ include "nvidia-installer.component" . }}
nvidia-installer/release: {{ include "nvidia-installer.release" . | quote }}
nvidia-installer/driver: {{ .installer.driver | quote }}
{{- end }}

{{/*
The name of an installer's objects: release, driver and suffix. Other characters become dashes, because a pod's host name
has letters, digits and dashes only.
*/}}
{{- define "nvidia-installer.installer" -}}
{{- $suffix := include "nvidia-installer.suffix" . }}
{{- $name := printf "%s-%s-%s" (include "nvidia-installer.fullname" .root) .installer.release .installer.driver }}
{{- regexReplaceAll "[^a-z0-9-]" (lower $name) "-" | trunc (int (sub 63 (len $suffix))) | trimAll "-" }}{{ $suffix }}
{{- end }}

{{/* Text of a value. Helm reads numbers of a file as floating point, and prints 10000000 as 1e+07; JSON has all digits. */}}
{{- define "nvidia-installer.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ toJson . }}{{ end }}
{{- end }}

{{/*
Resources of a container, with every amount as a string. Helm 4 applies objects on the server, and Kubernetes 1.20 refuses a number there.
*/}}
{{- define "nvidia-installer.resources" -}}
{{- $resources := dict }}
{{- range $kind, $amounts := . }}
{{- if kindIs "map" $amounts }}
{{- $texts := dict }}
{{- range $name, $amount := $amounts }}{{ $_ := set $texts $name (include "nvidia-installer.text" $amount) }}{{ end }}
{{- $_ := set $resources $kind $texts }}
{{- else }}
{{- $_ := set $resources $kind $amounts }}
{{- end }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* Fails for a key that the chart sets itself; takes (dict "value" name "own" keys "given" map). */}}
{{- define "nvidia-installer.check-own" -}}
{{- range $key, $_ := .given }}
{{- if or (has $key $.own) (hasPrefix "nvidia-installer/" $key) }}
{{- fail (printf "%s: the chart sets %s itself: remove it" $.value $key) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Additional labels and annotations of pods, if they are not the chart's own. */}}
{{- define "nvidia-installer.pod-labels" -}}
{{- $own := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
{{- include "nvidia-installer.check-own" (dict "value" "podLabels" "own" $own "given" .Values.podLabels) }}
{{- with .Values.podLabels }}{{ toYaml . }}{{ end }}
{{- end }}
{{- define "nvidia-installer.pod-annotations" -}}
{{- $own := list "kubectl.kubernetes.io/default-container" }}
{{- include "nvidia-installer.check-own" (dict "value" "podAnnotations" "own" $own "given" .Values.podAnnotations) }}
{{- with .Values.podAnnotations }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* Keys of a pod specification that place the pods of an installer on its nodes. */}}
{{- define "nvidia-installer.placement" -}}
{{- $values := .root.Values }}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodes.selector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  {{- include "nvidia-installer.affinity" . | trim | nindent 2 }}
{{- with $values.nodes.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Context of a container without any rights. */}}
{{- define "nvidia-installer.unprivileged" -}}
runAsNonRoot: true
runAsUser: 65534
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* An image by digest, or by tag if it has no digest. */}}
{{- define "nvidia-installer.image" -}}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (required "image: a digest or a tag is needed" .tag) }}
{{- end }}
{{- end }}

{{/* Affinity to the nodes of an installer; takes (dict "root" $ "installer" …). */}}
{{- define "nvidia-installer.affinity" -}}
{{- $nodes := .root.Values.nodes }}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          {{- range $nodes.required }}
          - {key: {{ . | quote }}, operator: Exists}
          {{- end }}
          {{- with $nodes.osReleaseLabel }}
          - {key: {{ . | quote }}, operator: In, values: [{{ $.installer.release | quote }}]}
          {{- end }}
          {{- with $nodes.driverLabel }}
          - {key: {{ . | quote }}, operator: In, values: [{{ $.installer.driver | quote }}]}
          {{- end }}
          - {key: kubernetes.io/os, operator: In, values: [linux]}
          {{- with .installer.architecture }}
          - {key: kubernetes.io/arch, operator: In, values: [{{ . }}]}
          {{- end }}
{{- end }}

{{/* Environment of install, wait and uninstall; takes (dict "root" $ "installer" …). */}}
{{- define "nvidia-installer.env" -}}
{{- $values := .root.Values }}
{{- $env := dict "HOST_ROOT" "/host" "INSTALL_ROOT" $values.installRoot "RUN_DIR" $values.runDir }}
{{- $_ := set $env "KERNEL_MODULE_TYPE" (default "auto" .installer.moduleType) }}
{{- $_ := set $env "REQUIRE_GPU" (toString $values.requireGpu) }}
{{- $_ := set $env "PERSISTENCE" $values.persistence }}
{{- $_ := set $env "FABRIC_MANAGER" $values.fabricManager }}
{{- $_ := set $env "IOMMU_GROUP_TYPE" $values.iommuGroupType }}
{{- $kinds := ternary "off" "nvidia.com/gpu" (eq $values.cdi "off") }}
{{- if $values.devicePlugin.enabled }}{{ $kinds = "nvidia.com/gpu k8s.device-plugin.nvidia.com/gpu" }}{{ end }}
{{- $_ := set $env "CDI_KINDS" $kinds }}
{{- with $values.reports.metrics }}{{ if .enabled }}{{ $_ := set $env "METRICS_FILE" .file }}{{ end }}{{ end }}
{{- with $values.reports.nodeFeatures }}{{ if .enabled }}{{ $_ := set $env "FEATURES_FILE" .file }}{{ end }}{{ end }}
{{- range $name, $value := merge (dict) $values.env $env }}
- {name: {{ $name }}, value: {{ include "nvidia-installer.text" $value | quote }}}
{{- end }}
{{- end }}

{{/* Volume mounts of both containers of an installer. */}}
{{- define "nvidia-installer.mounts" -}}
- name: host
  mountPath: /host
  mountPropagation: {{ .Values.hostMountPropagation }}
- name: dev
  mountPath: /dev
{{- if .Values.moduleParameters }}
- name: parameters
  mountPath: /drivers
  readOnly: true
{{- end }}
{{- end }}
