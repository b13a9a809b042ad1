{{/*
NVIDIA's device plugin, a container beside the driver: it starts after the installation and ends with it. The installer writes the
CDI specification, without the hooks of NVIDIA's toolkit; the plugin's own goes into a folder that no runtime reads
(NVIDIA/k8s-device-plugin, internal/cdi/cdi.go: the path is constant).
*/}}
{{- define "nvidia-installer.device-plugin" -}}
{{- $plugin := .Values.devicePlugin }}
{{- if and $plugin.config (hasKey (default (dict) $plugin.config.sharing) "mps") }}
{{- fail "devicePlugin.config: sharing.mps needs NVIDIA's MPS control daemon, which this chart does not run: use sharing.timeSlicing" }}
{{- end }}
{{- if eq .Values.cdi "off" }}
{{- fail "devicePlugin.enabled: pods get GPUs by the installer's CDI specification: remove `cdi: off`" }}
{{- end }}
- name: device-plugin
  image: {{ include "nvidia-installer.image" $plugin.image }}
  imagePullPolicy: {{ .Values.imagePullPolicy }}
  env:
    - {name: DEVICE_LIST_STRATEGY, value: {{ $plugin.deviceListStrategy }}}
    - {name: NVIDIA_DRIVER_ROOT, value: {{ .Values.installRoot }}/current}
    - {name: DRIVER_ROOT_CTR_PATH, value: /driver-root-parent/current}
    - {name: NVIDIA_DEV_ROOT, value: /}
    - {name: LD_LIBRARY_PATH, value: /driver-root-parent/current/lib}
    - {name: CDI_DISABLE_HOOKS, value: all}
    # Without GPUs the plugin exits, and Kubernetes restarts it. On a node that needs no GPU it waits instead.
    - {name: FAIL_ON_INIT_ERROR, value: {{ toString .Values.requireGpu | quote }}}
    {{- if $plugin.config }}
    - {name: CONFIG_FILE, value: /config/config.yaml}
    {{- end }}
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext:
    # The plugin opens the GPUs' device files.
    privileged: true
  resources:
    {{- include "nvidia-installer.resources" $plugin.resources | nindent 4 }}
  volumeMounts:
    - {name: plugins, mountPath: /var/lib/kubelet/device-plugins}
    - {name: plugin-cdi, mountPath: /var/run/cdi}
    # The folder above `current`: a mount of the link itself would keep the driver of the time of the mount.
    - {name: drivers, mountPath: /driver-root-parent, readOnly: true, mountPropagation: {{ .Values.hostMountPropagation }}}
    {{- if $plugin.config }}
    - {name: plugin-config, mountPath: /config, readOnly: true}
    {{- end }}
{{- end }}

{{/* Volumes of the device plugin. */}}
{{- define "nvidia-installer.device-plugin-volumes" -}}
# Contains the sockets of the kubelet and the plugin.
- name: plugins
  hostPath: {path: {{ .Values.devicePlugin.socketFolder }}, type: Directory}
# Takes the CDI specification that the plugin writes and no container runtime reads.
- name: plugin-cdi
  emptyDir: {}
# Contains the installed drivers. The init container makes it; without a type, nothing else does.
- name: drivers
  hostPath: {path: {{ .Values.installRoot }}}
{{- if .Values.devicePlugin.config }}
- name: plugin-config
  configMap:
    name: {{ include "nvidia-installer.fullname" . }}-device-plugin
{{- end }}
{{- end }}
