# shellcheck shell=bash
# The driver's daemons. They end with the command that runs them (`wait`, `nvidia-driver init`). An init container cannot run
# them: its processes end with it.

# Prints the process ids of daemons from INSTALL_ROOT. Daemons of other installations are left out.
daemon_pids() { # NAME…
  local name pid file
  local -a words
  for name; do
    # The kernel truncates the name of a process to 15 characters.
    while IFS= read -r file; do
      pid=${file%/comm}
      mapfile -d '' -t words <"${file%/comm}/cmdline" 2>/dev/null || continue
      [[ " ${words[*]:0:2} " != *"$INSTALL_ROOT/"*"/bin/$name "* ]] || printf '%s\n' "${pid##*/}"
    done < <(grep -lsx -- "${name:0:15}" "$PROC_ROOT"/[0-9]*/comm)
  done
}

# persistence_state and fabric_state print off, not needed, missing, running or stopped.
persistence_state() {
  if [[ $PERSISTENCE == off ]]; then
    printf 'off'
  elif ((${#GPUS[@]} == 0)); then
    printf 'not needed'
  else
    daemon_state nvidia-persistenced
  fi
}

fabric_state() {
  if [[ $FABRIC_MANAGER == off ]]; then
    printf 'off'
  elif ((${#NVSWITCHES[@]} == 0)); then
    printf 'not needed'
  else
    daemon_state nv-fabricmanager
  fi
}

daemon_state() { # NAME
  if [[ -n $(daemon_pids "$1") ]]; then
    printf 'running'
  elif [[ -x $DRIVERS_DIR/current/bin/$1 ]]; then
    printf 'stopped'
  else
    printf 'missing'
  fi
}

# Warns, or ends the run, if the node has an NVSwitch and the image no fabric manager. CUDA fails on all GPUs of such a node.
check_fabric_manager() { # FOLDER
  local -r problem="this node has an NVSwitch, but this image has no fabric manager; CUDA does not start on GPUs behind it"
  ((${#NVSWITCHES[@]} > 0)) || return 0
  [[ $FABRIC_MANAGER != off && ! -x $DRIVERS_DIR/$1/bin/nv-fabricmanager ]] || return 0
  [[ $FABRIC_MANAGER != required ]] || fail "$EXIT_NO_FABRIC_MANAGER" "$problem"
  log "$problem"
}

ensure_daemons() {
  if [[ $(persistence_state) == stopped ]]; then
    start_daemon nvidia-persistenced --persistence-mode --nvidia-cfg-path="$DRIVERS_DIR/current/lib"
  fi
  if [[ $(fabric_state) == stopped ]]; then
    write_fabric_configuration
    start_daemon nv-fabricmanager -c "$STATE_DIR/fabricmanager.cfg"
  fi
}

# Configures the fabric manager to run in the foreground, log to stderr, and read its tables from the driver's folder.
write_fabric_configuration() {
  local -r folder=$DRIVERS_DIR/current/share/nvidia/nvswitch
  write_file "$STATE_DIR/fabricmanager.cfg" "$(sed -E -e 's/^DAEMONIZE=.*/DAEMONIZE=0/' -e 's/^LOG_FILE_NAME=.*/LOG_FILE_NAME=/' \
    -e "s,^(TOPOLOGY_FILE_PATH|DATABASE_PATH)=.*,\1=$folder," "$folder/fabricmanager.cfg" 2>/dev/null)"
}

# Starts a daemon in the background. It does not inherit the lock.
start_daemon() { # NAME ARGUMENT…
  local -r name=$1
  shift
  log "starting $name"
  (
    release_lock
    export LD_LIBRARY_PATH=$DRIVERS_DIR/current/lib
    exec "$DRIVERS_DIR/current/bin/$name" "$@"
  ) </dev/null > >(exec sed -u 's/^/nvidia-installer: | /' >&2) 2>&1 &
}

# Ends the daemons and waits up to 5 seconds for each. A process that ended has no command line, even as a zombie.
stop_daemons() {
  local pid
  local -i tries
  for pid in $(daemon_pids nvidia-persistenced nv-fabricmanager); do
    kill "$pid" 2>/dev/null || continue
    for ((tries = 0; tries < 50; tries++)); do
      { read -r -d '' _ <"$PROC_ROOT/$pid/cmdline"; } 2>/dev/null || break
      sleep 0.1
    done
  done
}
