{{/* The chart's name, in labels. */}}
{{- define "nvidia-installer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of all objects' names. */}}
{{- define "nvidia-installer.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "nvidia-installer.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "nvidia-installer.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "nvidia-installer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "nvidia-installer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels that select the pods of one installer; takes (dict "root" $ "installer" …). A DaemonSet's selector is immutable. */}}
{{- define "nvidia-installer.selector" -}}
app.kubernetes.io/name: {{ include "nvidia-installer.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: installer
nvidia-installer/release: {{ .installer.release | quote }}
nvidia-installer/driver: {{ .installer.driver | quote }}
{{- end }}

{{/* The name of an installer's objects: release and driver. Dots become dashes, because a pod's host name has no dots. */}}
{{- define "nvidia-installer.installer" -}}
{{- printf "%s-%s-%s" (include "nvidia-installer.fullname" .root) .installer.release .installer.driver | replace "." "-" | lower | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* An image by digest, or by tag if it has no digest. */}}
{{- define "nvidia-installer.image" -}}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (required "image: a digest or a tag is needed" .tag) }}
{{- end }}
{{- end }}

{{/* Affinity to the nodes of some releases and drivers; takes (dict "root" $ "releases" … "drivers" …). */}}
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
          - {key: {{ . | quote }}, operator: In, values: {{ $.releases | toJson }}}
          {{- end }}
          {{- with $nodes.driverLabel }}
          - {key: {{ . | quote }}, operator: In, values: {{ $.drivers | toJson }}}
          {{- end }}
          - {key: kubernetes.io/os, operator: In, values: [linux]}
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
{{- with $values.reports.metrics }}{{ if .enabled }}{{ $_ := set $env "METRICS_FILE" .file }}{{ end }}{{ end }}
{{- with $values.reports.nodeFeatures }}{{ if .enabled }}{{ $_ := set $env "FEATURES_FILE" .file }}{{ end }}{{ end }}
{{- range $name, $value := merge (dict) $values.env $env }}
- {name: {{ $name }}, value: {{ toString $value | quote }}}
{{- end }}
{{- end }}

{{/* Volume mounts of both containers of an installer. */}}
{{- define "nvidia-installer.mounts" -}}
- name: host
  mountPath: /host
  # The container also sees later mounts of the host.
  mountPropagation: HostToContainer
- name: dev
  mountPath: /dev
{{- if .Values.moduleParameters }}
- name: parameters
  mountPath: /drivers
  readOnly: true
{{- end }}
{{- end }}
