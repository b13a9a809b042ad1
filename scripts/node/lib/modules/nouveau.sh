# shellcheck shell=bash
# nouveau, the kernel's own driver for NVIDIA's GPUs. It must be unloaded before NVIDIA's driver loads.

readonly NOUVEAU_FILE=${HOST_ROOT%/}/etc/modprobe.d/nvidia-installer-nouveau.conf

check_nouveau() {
  local count=0
  is_loaded nouveau || return 0
  { read -r count <"$SYSFS_ROOT/module/nouveau/refcnt"; } 2>/dev/null || true
  ((count > 0)) || return 0
  blacklist_nouveau
  fail "$EXIT_NOUVEAU_IN_USE" \
    "nouveau, the kernel's own driver, is in use by a console or a display; it is blacklisted now, so reboot the node"
}

# Blacklists nouveau if it could load. Kernels without nouveau, such as cloud kernels, need no such file.
blacklist_nouveau() {
  ((${#GPUS[@]} > 0)) || return 0
  is_loaded nouveau ||
    grep -q '/nouveau\.ko' "${HOST_ROOT%/}/lib/modules/${IMAGE[KERNEL_RELEASE]}/modules.dep" 2>/dev/null || return 0
  write_host_file "$NOUVEAU_FILE" $'blacklist nouveau\noptions nouveau modeset=0' \
    "nouveau is not blacklisted, and may take the GPUs at the next boot" || true
}

unload_nouveau() {
  is_loaded nouveau || return 0
  run rmmod nouveau
  log "unloaded nouveau, which held the GPUs"
}
