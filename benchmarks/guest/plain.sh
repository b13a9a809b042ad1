# shellcheck shell=bash
# Installs the plain image on a node, as the predecessor did: unpack one archive, run depmod, run modprobe.

plain_install() {
  local -r folder=/host/opt/plain
  mkdir -p "$folder"
  # The image has no gzip. zstd reads the format with zlib, and is as fast.
  tar -x --use-compress-program='zstd -d' -f /plain/driver.tar.gz -C "$folder"
  sync -f "$folder"
  depmod -b "$folder" "$(uname -r)"
  modprobe -d "$folder" nvidia
  modprobe -d "$folder" nvidia-modeset
  modprobe -d "$folder" nvidia-uvm
}

section "plain" plain_install
section "loaded" grep -c ^nvidia /proc/modules
