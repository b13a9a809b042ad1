# shellcheck shell=bash
# nvidia-installer wait: runs in a pod's main container, after `install` in an init container.

WAIT_ONCE=false
WAIT_TIMEOUT=0

wait_command() { # [--once] [--timeout SECONDS]
  while (($# > 0)); do
    case $1 in
      --once) WAIT_ONCE=true ;;
      --timeout)
        [[ ${2:-} =~ ^[0-9]{1,6}$ ]] || usage_error "--timeout takes a number of seconds"
        WAIT_TIMEOUT=$((10#$2))
        shift
        ;;
      *) usage_error "wait has only the options --once and --timeout SECONDS, but got: $1" ;;
    esac
    shift
  done
  run_until_stopped wait_and_maintain
}

# Waits until the driver is ready, and then keeps it complete.
wait_and_maintain() {
  local said=false
  local -i begin
  begin=$(uptime_seconds)
  "$WAIT_ONCE" || skip_old_logs
  until scan_pci_bus && read_status --quiet && [[ ${STATUS[ready]} == true ]]; do
    report_state
    "$said" || log "waiting for the driver to become ready"
    said=true
    ((WAIT_TIMEOUT == 0 || $(uptime_seconds) - begin < WAIT_TIMEOUT)) || fail "$EXIT_TIMED_OUT" \
      "the driver is not ready after $WAIT_TIMEOUT seconds (installed: ${STATUS[driver]:-none}, loaded: ${STATUS[loaded]:-none})"
    # No installation helps against a program that the image lacks.
    if ! "$WAIT_ONCE" && [[ ${STATUS[problem]} != fabric_manager_missing ]] && is_wanted; then reinstall; fi
    pause
    if "$STOPPING"; then
      report_state
      exit "$EXIT_OK"
    fi
  done
  log "driver ${STATUS[folder]} is ready"
  if "$WAIT_ONCE"; then report_state; else maintain; fi
}

SNAPSHOT=
# The uptime at the last report.
REPORTED=0

# Writes the reports if something changed, or if they are REPORT_SECONDS old. Called at each poll, and at the end.
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
    "$FAILURE_FILE" "$(host_file "$METRICS_FILE")" "$(host_file "$FEATURES_FILE")"; do
    if ! read_text "$file"; then
      TEXT="no folder"
      [[ ! -d ${file%/*} ]] || TEXT="no file"
    fi
    TEXT=${TEXT#'# +expiry-time='*$'\n'}
    SNAPSHOT+=${TEXT%%report_timestamp_seconds [0-9]*}$'\n'
  done
  SNAPSHOT+=$(persistence_state)
  SNAPSHOT+=$(fabric_state)
  printf -v TEXT '%s ' "$CDI_PREFIX"*
  SNAPSHOT+=$TEXT
  for module in "${REQUIRED[@]}"; do
    if is_loaded "$module"; then SNAPSHOT+=$module; fi
  done
}
