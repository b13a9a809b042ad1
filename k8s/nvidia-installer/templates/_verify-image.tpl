{{/*
The init container that runs before all others, and refuses an image without a signature and proofs by the key. It has nothing of the
host, and the kubelet pulls the installer's image only after it; takes (dict "root" $ "installer" …).
*/}}
{{- define "nvidia-installer.verify-image" -}}
{{- $signed := .root.Values.signedImages }}
{{- if not .installer.image.digest }}
{{- fail (printf "installers: the image of %s/%s has no digest: with signedImages it needs one, because a tag can move after its check" .installer.release .installer.driver) }}
{{- end }}
- name: verify-image
  image: {{ include "nvidia-installer.image" $signed.image }}
  imagePullPolicy: {{ .root.Values.imagePullPolicy }}
  command:
    - sh
    - /verify-image/verify-image
    - {{ include "nvidia-installer.image" .installer.image }}
    - symbol-proof
    {{- if $signed.requireTests }}
    - tests
    {{- end }}
  {{- $env := dict }}
  {{- if $signed.certificates }}{{ $_ := set $env "SSL_CERT_DIR" "/certificates" }}{{ end }}
  {{- if $signed.registrySecret }}{{ $_ := set $env "DOCKER_CONFIG" "/registry" }}{{ end }}
  {{- with merge $env $signed.env }}
  env:
    {{- range $name, $value := . }}
    - {name: {{ $name }}, value: {{ include "nvidia-installer.text" $value | quote }}}
    {{- end }}
  {{- end }}
  # `kubectl describe pod` then shows the reason of a refusal.
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext:
    {{- include "nvidia-installer.unprivileged" .root | nindent 4 }}
  resources:
    {{- include "nvidia-installer.resources" $signed.resources | nindent 4 }}
  volumeMounts:
    - {name: verify-image, mountPath: /verify-image, readOnly: true}
    {{- if $signed.certificates }}
    - {name: certificates, mountPath: /certificates, readOnly: true}
    {{- end }}
    {{- if $signed.registrySecret }}
    - {name: registry, mountPath: /registry, readOnly: true}
    {{- end }}
{{- end }}

{{/* Volumes of that container. */}}
{{- define "nvidia-installer.verify-image-volumes" -}}
{{- $signed := .Values.signedImages }}
# Contains the key, the script and the conditions of the proofs.
- name: verify-image
  configMap:
    name: {{ include "nvidia-installer.fullname" . }}-verify-image
{{- with $signed.certificates }}
- name: certificates
  configMap:
    name: {{ . }}
{{- end }}
{{- with $signed.registrySecret }}
# Only `verify-image` mounts it.
- name: registry
  secret:
    secretName: {{ . }}
    items: [{key: .dockerconfigjson, path: config.json}]
{{- end }}
{{- end }}

{{/* Fails for values with which no image could be checked. */}}
{{- define "nvidia-installer.check-signed-images" -}}
{{- if not .image }}
{{- fail "signedImages.image: name an image with a shell and cosign in its PATH" }}
{{- end }}
{{- if contains "PRIVATE KEY" .publicKey }}
{{- fail "signedImages.publicKey: it contains a private key: paste the public key, and replace the private one if others could see it" }}
{{- end }}
{{- if not (hasPrefix "-----BEGIN PUBLIC KEY-----" (trim .publicKey)) }}
{{- fail "signedImages.publicKey: paste the text of the file that attest.publicKey in component.yaml names; it begins with -----BEGIN PUBLIC KEY-----" }}
{{- end }}
{{- $own := list "DOCKER_CONFIG" "SSL_CERT_DIR" }}
{{- include "nvidia-installer.check-own" (dict "value" "signedImages.env" "own" $own "given" .env) }}
{{- end }}

{{/*
Rules of the NetworkPolicy: DNS, HTTPS, and the ports that the registries' names and HTTPS_PROXY have. A policy is of the whole pod.
*/}}
{{- define "nvidia-installer.egress" -}}
{{- $signed := .Values.signedImages }}
{{- if $signed.egress }}
{{- toYaml $signed.egress }}
{{- else }}
{{- $addresses := list (toString (default "" $signed.env.HTTPS_PROXY)) }}
{{- range .Values.installers }}{{ $addresses = append $addresses .image.repository }}{{ end }}
{{- $ports := list 443 }}
{{- range $addresses }}
{{- $found := regexFind ":[0-9]+(/|$)" . | trimPrefix ":" | trimSuffix "/" }}
{{- if $found }}{{ $ports = append $ports (int $found) }}{{ end }}
{{- end }}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
    {{- range $ports | uniq }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
{{- end }}
