# shellcheck shell=bash
# The loop of `wait`: keeps the installed driver complete, with its modules, files, device files and daemons.

readonly CHECK_SECONDS=60 # between two checks of files

maintain() {
  remember_loaded
  until "$STOPPING"; do
    report_state
    follow_logs
    if is_wanted; then
      maintain_once
    elif ! is_loaded nvidia; then
      end_without_driver
    fi
    pause
  done
  report_state
  follow_logs
}

# Repairs what is missing. If another run works on the node, it repairs or removes the driver itself. A newer image may have replaced
# the driver between the first question and the look at it, so what is missing is repaired only after the question is asked again.
maintain_once() {
  try_lock || return 0
  if is_unbroken; then
    ensure_daemons
    update_readiness
    release_lock
  else
    release_lock
    if is_wanted; then reinstall; fi
  fi
}

# The installed folder, the loaded driver, the GPUs, and the time of the last check of files.
MAINTAINED_FOLDER=
LOADED_DRIVER=
KNOWN_GPUS=
CHECKED=

remember_loaded() {
  MAINTAINED_FOLDER=$(linked_folder current)
  read_loaded
  LOADED_DRIVER=$LOADED_VERSION-$LOADED_SRCVERSION
  CHECKED=
}

# Succeeds if the driver is loaded and its files are unchanged. Makes device files for new GPUs. Files are checked from time to
# time, and when a GPU appears.
is_unbroken() {
  local -a gpus=("$PROC_ROOT"/driver/nvidia/gpus/*)
  local -i now
  are_loaded "${REQUIRED[@]}" && [[ $DRIVERS_DIR/current -ef $DRIVERS_DIR/$MAINTAINED_FOLDER ]] || return 1
  read_loaded
  [[ $LOADED_VERSION-$LOADED_SRCVERSION == "$LOADED_DRIVER" ]] || return 1
  now=$(uptime_seconds)
  if [[ -n $CHECKED && ${gpus[*]} == "$KNOWN_GPUS" ]] && ((now - CHECKED < CHECK_SECONDS)); then return 0; fi
  is_intact "$MAINTAINED_FOLDER" || return 1
  make_device_files
  CHECKED=$now KNOWN_GPUS=${gpus[*]}
}

update_readiness() {
  if needed_daemons_run; then
    mark_ready "$MAINTAINED_FOLDER"
    REINSTALL_SECONDS=0
  else
    mark_not_ready
  fi
}

REINSTALLED=
REINSTALL_SECONDS=0

# Installs the driver again, in a process of its own. The time between two attempts doubles, up to MAX_RESTART_SECONDS.
reinstall() {
  local -i now code=0
  now=$(uptime_seconds)
  if [[ -n $REINSTALLED ]] && ((now - REINSTALLED < REINSTALL_SECONDS)); then return 0; fi
  log "the driver is not complete, and is installed again"
  "$SELF" install --if-wanted </dev/null &
  while kill -0 "$!" 2>/dev/null && ! "$STOPPING"; do pause 0.2; done
  ! "$STOPPING" || kill "$!" 2>/dev/null || true
  wait "$!" || code=$?
  REINSTALLED=$now
  REINSTALL_SECONDS=$((REINSTALL_SECONDS < MAX_RESTART_SECONDS ? REINSTALL_SECONDS * 2 + 10 : MAX_RESTART_SECONDS))
  ((code != 0)) || remember_loaded
}

# An `uninstall` in this container (a preStop hook) must finish first. The signal comes after it.
end_without_driver() {
  wait_for_other_runs
  report_state
  pause
  "$STOPPING" || fail "$EXIT_DRIVER_GONE" "the driver is no longer loaded; install it again"
}
