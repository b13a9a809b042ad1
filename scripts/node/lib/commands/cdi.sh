# shellcheck shell=bash
# nvidia-installer cdi: writes the CDI specifications of the ready driver. `install` and `wait` do the same; the command saves the time
# until `wait` notices a new GPU or MIG device.

cdi_command() { # [--print]
  local kind
  case "$*" in
    "" | --print) ;;
    *) usage_error "cdi has only the option --print, but got: $*" ;;
  esac
  scan_pci_bus
  if (($# == 0)); then
    check_root
    check_host_root
    take_lock
    ! is_loaded nvidia || make_device_files
  fi
  read_status --quiet
  [[ ${STATUS[ready]} == true ]] ||
    fail "$EXIT_NOT_READY" "there are no CDI specifications: ${PROBLEMS[${STATUS[problem]}]}"
  if (($# == 0)); then
    write_cdi_files "${STATUS[folder]}"
    log "the CDI specifications are in /var/run/cdi: ${CDI_WRITTEN[*]:-none}"
  else
    read_devices
    read_cdi_devices
    ((${#CDI_DEVICES[@]} > 0)) || fail "$EXIT_NO_GPU" "there are no CDI specifications: the driver has no GPU"
    kind=${CDI_KINDS%% *}
    cdi_spec "${kind/#off/nvidia.com/gpu}" "${STATUS[folder]}"
  fi
}
