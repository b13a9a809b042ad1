# shellcheck shell=bash
# An installer a folder of /homes, each with modules that this kernel has to refuse.

for home in /homes/*/; do
  section "$(basename "$home")" env NVIDIA_INSTALLER_HOME="$home" nvidia-installer install
done
section "loaded" cat /proc/modules
