# shellcheck shell=bash
# Other drivers of GPUs, all of the kernel's own: nouveau, its successor nova (driver NovaCore, module nova_core), nvidiafb. NVIDIA's
# driver does not take a GPU from them. Only nouveau is unloaded here, if nothing uses it.

readonly NOUVEAU_FILE=${HOST_ROOT%/}/etc/modprobe.d/nvidia-installer-nouveau.conf

# Ends the run, before anything changes, if another driver holds a GPU and stays.
check_holders() {
  local gpu driver what
  local -a held=()
  for gpu in "${GPUS[@]}"; do
    [[ -v HOLDERS[$gpu] ]] || continue
    if [[ ${HOLDERS[$gpu]} == nouveau ]] && is_removable nouveau; then continue; fi
    held+=("$gpu")
  done
  ((${#held[@]} > 0)) || return 0
  driver=${HOLDERS[${held[0]}]}
  if [[ -e $PCI_DEVICES/${held[0]}/driver/module/refcnt ]] || is_removable "$(module_of "$driver")"; then
    what="add modprobe.blacklist=$(module_of "$driver") to the node's kernel command line, and reboot"
  else
    what="$driver is built into this kernel: add $(switch_of "$driver") to its command line, and reboot"
  fi
  fail "$EXIT_OTHER_DRIVER" "another driver keeps NVIDIA's from the GPU: $(describe_holders "${held[@]}"); $what"
}

# A driver that is built into the kernel has no count of references.
is_removable() { # MODULE
  [[ -e $SYSFS_ROOT/module/$1/refcnt ]]
}

module_of() { # DRIVER
  case $1 in
    NovaCore) printf 'nova_core' ;;
    *) printf '%s' "${1//-/_}" ;;
  esac
}

# Prints the kernel parameter that keeps a built-in driver from GPUs.
switch_of() { # DRIVER
  case $1 in
    nouveau) printf 'nouveau.modeset=0' ;;
    nvidiafb) printf 'video=nvidiafb:off' ;;
    *) printf 'initcall_blacklist=%s_init' "$(module_of "$1")" ;;
  esac
}

check_nouveau() {
  local count=0
  is_removable nouveau || return 0
  { read -r count <"$SYSFS_ROOT/module/nouveau/refcnt"; } 2>/dev/null || true
  ((count > 0)) || return 0
  blacklist_nouveau
  fail "$EXIT_OTHER_DRIVER" "nouveau, the kernel's own driver$(describe_nouveaus), is in use by a console or a display; \
it is blacklisted now, so reboot the node"
}

# Prints the GPUs that nouveau holds, as a part of a sentence.
describe_nouveaus() {
  local gpu words=
  for gpu in "${GPUS[@]}"; do
    [[ ${HOLDERS[$gpu]:-} != nouveau ]] || words+="${words:+, }$gpu"
  done
  [[ -z $words ]] || printf ' of %s' "$words"
}

# Blacklists nouveau if it could load. Kernels without nouveau, such as cloud kernels, need no such file.
blacklist_nouveau() {
  ((${#GPUS[@]} > 0)) || return 0
  is_loaded nouveau ||
    grep -q '/nouveau\.ko' "${HOST_ROOT%/}/lib/modules/${IMAGE[KERNEL_RELEASE]}/modules.dep" 2>/dev/null || return 0
  write_host_file "$NOUVEAU_FILE" $'blacklist nouveau\noptions nouveau modeset=0' \
    "nouveau is not blacklisted, and may take the GPUs at the next boot" || true
}

# A nouveau that is built in, but switched off, holds no GPU and stays.
unload_nouveau() {
  is_loaded nouveau || return 0
  if is_removable nouveau; then run rmmod nouveau; else rmmod nouveau 2>/dev/null || return 0; fi
  log "unloaded nouveau, which held the GPUs"
}
