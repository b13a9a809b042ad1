# shellcheck shell=bash
# nvidia-installer wait: what a pod's main container runs after `install` in an init container.

wait_command() { # [--once] [--timeout SECONDS]
  local once=false said=false
  local -i timeout=0 begin=$SECONDS
  while (($# > 0)); do
    case $1 in
      --once) once=true ;;
      --timeout)
        [[ ${2:-} =~ ^[0-9]{1,6}$ ]] || usage_error "--timeout takes a number of seconds"
        timeout=10#$2
        shift
        ;;
      *) usage_error "wait knows --once and --timeout SECONDS only, not: $1" ;;
    esac
    shift
  done
  trap request_stop TERM INT
  AT_EXIT+=(report_state)
  read_bus
  until read_status --quiet && [[ ${STATUS[ready]} == true ]]; do
    report_state
    "$said" || say "waiting for the driver to become ready"
    said=true
    ((timeout == 0 || SECONDS - begin < timeout)) || fail "$EXIT_TIMED_OUT" \
      "the driver is not ready after $timeout seconds (installed: ${STATUS[driver]:-none}, loaded: ${STATUS[loaded]:-none})"
    pause
    if "$STOPPING"; then exit "$EXIT_OK"; fi
  done
  say "driver ${STATUS[folder]} is ready"
  if "$once"; then return 0; fi
  # The container of `install` had device files of its own.
  make_device_files
  supervise report_state
  stop_daemons
}

SEEN=

# At each look, and when it ends.
report_state() {
  local -r before=$SEEN
  [[ -n $METRICS_FILE$FEATURES_FILE ]] || return 0
  see
  if [[ $SEEN != "$before" || -n $REPORT_TROUBLE ]]; then report '' ''; fi
}

# All that the reports depend on, and they themselves. It starts no program, so that a look costs next to nothing.
see() {
  local file module text
  SEEN=
  for file in "$STORE/current/$RECORD" "$READY_FILE" "$OPERATOR_READY_FILE" "$SYSFS_ROOT/module/nvidia/"{version,srcversion} \
    "${HOST_ROOT%/}$METRICS_FILE" "${HOST_ROOT%/}$FEATURES_FILE"; do
    text="no folder"
    [[ ! -d ${file%/*} ]] || text="no file"
    if [[ -f $file ]]; then { read -r -d '' text <"$file"; } 2>/dev/null || true; fi
    SEEN+=$text$'\n'
  done
  for module in "${REQUIRED[@]}"; do
    if is_loaded "$module"; then SEEN+=$module; fi
  done
}
