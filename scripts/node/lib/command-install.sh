# shellcheck shell=bash
# nvidia-installer install: the driver on the host, current, loaded and ready.

install_command() { # [--no-load]
  local load=true type record folder state=
  case "$*" in
    "") ;;
    --no-load) load=false ;;
    *) usage_error "install knows --no-load only, not: $*" ;;
  esac
  check_root
  check_architecture
  if "$load"; then check_kernel; fi
  check_host_root
  if "$load"; then read_bus && check_gpu; fi
  type=$(module_type)
  record=$(record_of "$type")
  read_parameters
  take_lock
  folder=$(folder_of "${IMAGE[DRIVER_VERSION]}-${IMAGE[KERNEL_RELEASE]}" "$record")
  if "$load"; then
    state=$(loaded_state "$folder" "$type" "$record")
    if [[ $state == same ]]; then report_parameters; fi
    if ! is_done "$folder" "$record" "$state"; then
      check_before_loading "$state" "$folder" "$type" "$record"
      ensure_unpacked "$folder" "$type" "$record"
      put_into_service "$folder" "$state"
    fi
    remove_leftovers
  else
    ensure_unpacked "$folder" "$type" "$record"
    ensure_current "$folder"
    register_libraries
  fi
  say "driver $folder ($type) is installed in $INSTALL_ROOT"
}

# Whether there is nothing to do. Readiness is told last, so whoever told it has done all the rest.
is_done() { # FOLDER RECORD STATE
  [[ $3 == same ]] && are_loaded "${REQUIRED[@]}" && has_record "$1" "$2" &&
    [[ $(linked_folder current) == "$1" ]] && is_ready "$1"
}

check_before_loading() { # STATE FOLDER MODULE-TYPE RECORD
  if [[ $1 == different ]]; then check_idle "$(why_unload)"; fi
  if [[ $1 != same ]]; then
    check_signature "$2" "$3" "$4"
    check_nouveau
  fi
}

why_unload() {
  printf '%s' "the kernel has driver $(loaded_version) loaded, and another one is to take its place"
}

# From here on the running driver is touched, and until the end the node is not ready.
put_into_service() { # FOLDER STATE
  check_fabric_manager "$1"
  mark_not_ready
  blacklist_nouveau
  if [[ $2 == different ]]; then unload_modules "$(why_unload)"; fi
  unload_nouveau
  ensure_current "$1"
  register_libraries
  relax_iommu_groups
  set_firmware_path "$1"
  load_modules "$1"
  make_device_files
  check_with_nvidia_smi
  remove_old_drivers
  mark_ready "$1"
  # shellcheck disable=SC2034 # used in report.sh
  INSTALLED=true
}

# The first program that talks to the GPUs; what it says of a fault is worth more than what we could.
check_with_nvidia_smi() {
  local output
  ((${#GPUS[@]} > 0)) || return 0
  if output=$(LD_LIBRARY_PATH=$STORE/current/lib timeout 120 "$STORE/current/bin/nvidia-smi" 2>&1); then return 0; fi
  quote "$output"
  quote "$(kernel_words)"
  fail "$EXIT_CHECK_FAILED" "the driver is loaded, but nvidia-smi fails; what it says stands above"
}
