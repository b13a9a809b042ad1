# shellcheck shell=bash
# nvidia-installer install: installs the driver on the host, loads it and marks it ready.

readonly STATE_BYTES=65536 # more than the small files in RUN_DIR need

install_command() { # [--no-load | --if-wanted]
  local load=true only_if_wanted=false type record folder state=
  case "$*" in
    "") ;;
    --no-load) load=false ;;
    --if-wanted) only_if_wanted=true ;;
    *) usage_error "install has only the options --no-load and --if-wanted, one at a time, but got: $*" ;;
  esac
  check_root
  check_architecture
  if "$load"; then check_kernel; fi
  check_host_root
  if "$load"; then scan_pci_bus && check_gpu; fi
  choose_module_type
  type=$MODULE_TYPE
  read_digest
  record=$(record_for "$type")
  read_parameters
  take_lock
  if "$only_if_wanted" && ! is_wanted; then
    log "another run has changed the node's driver, so this one is not installed again"
    return 0
  fi
  folder=$(folder_for "${IMAGE[DRIVER_VERSION]}-${IMAGE[KERNEL_RELEASE]}" "$record")
  if "$load"; then
    state=$(loaded_state "$folder" "$type" "$record")
    if [[ $state == same ]]; then report_parameters; fi
    if ! is_up_to_date "$folder" "$record" "$state"; then
      check_install_root "$folder" "$record"
      check_space "$STATE_DIR" "$STATE_BYTES"
      check_before_loading "$state" "$folder" "$type" "$record"
      ensure_unpacked "$folder" "$type" "$record"
      activate_driver "$folder" "$state"
    else
      ensure_cdi_files "$folder"
    fi
    ensure_daemons
    remove_leftovers
  else
    check_install_root "$folder" "$record"
    ensure_unpacked "$folder" "$type" "$record"
    ensure_current "$folder"
    register_libraries
  fi
  log "driver $folder ($type) is installed in $INSTALL_ROOT"
}

# Succeeds if there is nothing to do. install marks readiness last, so a ready driver is complete.
is_up_to_date() { # FOLDER RECORD STATE
  [[ $3 == same ]] && are_loaded "${REQUIRED[@]}" && is_current "$1" "$2" &&
    is_ready "$1" && is_wanted && has_device_files && needed_daemons_run
}

check_before_loading() { # STATE FOLDER MODULE-TYPE RECORD
  check_fabric_manager
  if [[ $1 != same ]] || ! are_loaded "${REQUIRED[@]}"; then check_modules_allowed; fi
  if [[ $1 != same ]]; then check_holders; fi
  if [[ $1 == different ]]; then check_idle "$(unload_reason)"; fi
  if [[ $1 != same ]]; then
    check_signature "$2" "$3" "$4"
    check_nouveau
  fi
}

unload_reason() {
  printf '%s' "driver $(loaded_version) is loaded and must be unloaded first"
}

# Replaces the running driver. The node is not ready until the end.
activate_driver() { # FOLDER STATE
  local old_root
  old_root=$(old_install_root)
  if [[ $2 == different ]]; then remember_driver; fi
  mark_not_ready
  mark_wanted
  blacklist_nouveau
  if [[ $2 == different ]]; then unload_modules "$(unload_reason)"; fi
  unload_nouveau
  ensure_current "$1"
  register_libraries
  relax_iommu_groups
  set_firmware_path "$1"
  load_modules "$1"
  make_device_files
  check_with_nvidia_smi
  remove_old_drivers
  remove_old_root "$old_root"
  start_daemons
  if needed_daemons_run; then mark_ready "$1"; fi
  # shellcheck disable=SC2034 # used in report.sh
  INSTALLED=true
}

# Runs nvidia-smi, the first program that uses the GPUs, and logs its error message.
check_with_nvidia_smi() {
  local output
  ((${#GPUS[@]} > 0)) || return 0
  if output=$(run_nvidia_smi); then return 0; fi
  log_output "$output"
  log_output "$(kernel_messages)"
  fail "$EXIT_CHECK_FAILED" "the driver is loaded, but nvidia-smi fails; see its output above"
}
