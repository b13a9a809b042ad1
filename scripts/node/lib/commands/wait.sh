# shellcheck shell=bash
# nvidia-installer wait: runs in a pod's main container, after `install` in an init container.

wait_command() { # [--once] [--timeout SECONDS]
  local once=false said=false
  local -i timeout=0 begin
  begin=$(uptime_seconds)
  while (($# > 0)); do
    case $1 in
      --once) once=true ;;
      --timeout)
        [[ ${2:-} =~ ^[0-9]{1,6}$ ]] || usage_error "--timeout takes a number of seconds"
        timeout=10#$2
        shift
        ;;
      *) usage_error "wait has only the options --once and --timeout SECONDS, but got: $1" ;;
    esac
    shift
  done
  trap request_stop TERM INT
  AT_EXIT+=(report_state)
  scan_pci_bus
  until read_status --quiet && [[ ${STATUS[ready]} == true ]]; do
    report_state
    "$said" || log "waiting for the driver to become ready"
    said=true
    ((timeout == 0 || $(uptime_seconds) - begin < timeout)) || fail "$EXIT_TIMED_OUT" \
      "the driver is not ready after $timeout seconds (installed: ${STATUS[driver]:-none}, loaded: ${STATUS[loaded]:-none})"
    pause
    if "$STOPPING"; then exit "$EXIT_OK"; fi
  done
  log "driver ${STATUS[folder]} is ready"
  if "$once"; then return 0; fi
  # Each container has its own device files; `install` created those of another container.
  make_device_files
  supervise report_state
  stop_daemons
}

SNAPSHOT=
# The uptime at the last report.
REPORTED=0

# Writes the reports if something changed, or if they are REPORT_SECONDS old. Called at each poll, and at exit.
report_state() {
  local -r before=$SNAPSHOT
  local -i now
  log_new_failure
  [[ -n $METRICS_FILE$FEATURES_FILE ]] || return 0
  take_snapshot
  now=$(uptime_seconds)
  if [[ $SNAPSHOT != "$before" || -n $LAST_REPORT_ERROR ]] || ((now < REPORTED || now - REPORTED >= REPORT_SECONDS)); then
    REPORTED=$now
    report '' ''
  fi
}

# Sets SNAPSHOT to the content of the reports without their times, and of everything that they depend on. It starts no program,
# so a poll is cheap.
take_snapshot() {
  local file module
  SNAPSHOT=
  for file in "$DRIVERS_DIR/current/$RECORD_FILE" "$READY_FILE" "$OPERATOR_READY_FILE" "$SYSFS_ROOT/module/nvidia/"{version,srcversion} \
    "$FAILURE_FILE" "${HOST_ROOT%/}$METRICS_FILE" "${HOST_ROOT%/}$FEATURES_FILE"; do
    if ! read_text "$file"; then
      TEXT="no folder"
      [[ ! -d ${file%/*} ]] || TEXT="no file"
    fi
    TEXT=${TEXT#'# +expiry-time='*$'\n'}
    SNAPSHOT+=${TEXT%%report_timestamp_seconds [0-9]*}$'\n'
  done
  for module in "${REQUIRED[@]}"; do
    if is_loaded "$module"; then SNAPSHOT+=$module; fi
  done
}
