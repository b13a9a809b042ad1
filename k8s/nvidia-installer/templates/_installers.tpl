{{/* Fails if two installers have one name, or if one has no architecture and another one of its release and driver has. */}}
{{- define "nvidia-installer.check-installers" -}}
{{- $names := dict }}
{{- $anywhere := dict }}
{{- range .Values.installers }}
{{- $scope := dict "root" $ "installer" . }}
{{- $name := include "nvidia-installer.installer" $scope }}
{{- $entry := printf "%s/%s" .release .driver }}
{{- if hasKey $names $name }}
{{- fail (printf "installers: %s and %s are both named %s: list each release, driver and architecture once" (get $names $name) $entry $name) }}
{{- end }}
{{- if gt (len (include "nvidia-installer.release" $scope)) 63 }}
{{- fail (printf "installers: the release %s is too long for a label together with its architecture: shorten it" .release) }}
{{- end }}
{{- $_ := set $names $name $entry }}
{{- if not .architecture }}{{ $_ := set $anywhere $entry true }}{{ end }}
{{- end }}
{{- range .Values.installers }}
{{- $entry := printf "%s/%s" .release .driver }}
{{- if and .architecture (hasKey $anywhere $entry) }}
{{- fail (printf "installers: %s is listed with and without `architecture`: give both entries one" $entry) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Labels of the DaemonSets themselves, if they are not the chart's own. */}}
{{- define "nvidia-installer.daemonset-labels" -}}
{{- $own := list "helm.sh/chart" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/managed-by" "app.kubernetes.io/component" "app.kubernetes.io/version" }}
{{- include "nvidia-installer.check-own" (dict "value" "daemonSetLabels" "own" $own "given" .Values.daemonSetLabels) }}
{{- with .Values.daemonSetLabels }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* Keys that the containers `install` and `driver` share; takes (dict "root" $ "installer" …). */}}
{{- define "nvidia-installer.container" -}}
image: {{ include "nvidia-installer.image" .installer.image }}
imagePullPolicy: {{ .root.Values.imagePullPolicy }}
env:
  {{- include "nvidia-installer.env" . | trim | nindent 2 }}
# `kubectl describe pod` then shows the installer's last message. The default path would leave a file in the host's /dev.
terminationMessagePath: /run/termination-log
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- include "nvidia-installer.resources" .root.Values.resources | nindent 2 }}
volumeMounts:
  {{- include "nvidia-installer.mounts" .root | trim | nindent 2 }}
{{- end }}
