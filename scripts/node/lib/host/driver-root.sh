# shellcheck shell=bash
# The container's root, for the GPU Operator's other containers: mounted on the host, with the driver's programs and
# libraries in the usual folders.

readonly DRIVER_ROOT=$STATE_DIR/driver

# Mounts the root. Loading the modules comes later, because the kernel then reads firmware from this mount. /sys is not part
# of the mount, as in NVIDIA's own containers.
mount_root() {
  unmount_root
  run mount --make-runbindable /sys
  run mount --make-private /sys
  run mkdir -p -- "$DRIVER_ROOT"
  run mount --rbind "$HOST_ROOT" "$DRIVER_ROOT"
  # shellcheck disable=SC2034 # used in firmware.sh
  ROOT_ON_HOST=$RUN_DIR/driver
}

unmount_root() {
  if is_mounted; then run umount -l -R "$DRIVER_ROOT"; fi
}

is_mounted() {
  grep -q " $DRIVER_ROOT " "$PROC_ROOT/self/mounts"
}

# Unmounts the root, unless a driver stays loaded and needs it.
unmount_unused_root() {
  if ! is_loaded nvidia && is_mounted; then umount -l -R "$DRIVER_ROOT" || true; fi
}

# Links the driver's files into the usual folders. The links are relative, so they also work on the host and in other
# containers. The image's own files stay.
link_into_root() {
  local triplet=x86_64-linux-gnu
  [[ ${IMAGE[ARCHITECTURE]} != arm64 ]] || triplet=aarch64-linux-gnu
  link_all bin usr/bin ../..
  link_all lib "usr/lib/$triplet" ../../..
}

link_all() { # FOLDER-OF-THE-DRIVER FOLDER-OF-THE-ROOT WAY-UP
  local file link
  run mkdir -p -- "${HOST_ROOT%/}/$2"
  for file in "$DRIVERS_DIR/current/$1"/*; do
    link=${HOST_ROOT%/}/$2/${file##*/}
    [[ ! -d $file && (-L $link || ! -e $link) ]] || continue
    run ln -sfn -- "$3$INSTALL_ROOT/current/$1/${file##*/}" "$link"
  done
}
