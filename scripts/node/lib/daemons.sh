# shellcheck shell=bash
# The driver's daemons. They live as long as the command that runs them (`wait`, `nvidia-driver init`): a daemon that an
# init container starts dies with it.

# Prints the process ids of daemons that were started from below INSTALL_ROOT; others are not ours.
daemon_pids() { # NAME…
  local name pid file
  local -a words
  for name; do
    # The kernel cuts a process's name to 15 characters.
    while IFS= read -r file; do
      pid=${file%/comm}
      mapfile -d '' -t words <"${file%/comm}/cmdline" 2>/dev/null || continue
      [[ " ${words[*]:0:2} " != *"$INSTALL_ROOT/"*"/bin/$name "* ]] || printf '%s\n' "${pid##*/}"
    done < <(grep -lsx -- "${name:0:15}" "$PROC_ROOT"/[0-9]*/comm)
  done
}

# Each prints off, not needed, missing, running or stopped.
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
  elif [[ -x $STORE/current/bin/$1 ]]; then
    printf 'stopped'
  else
    printf 'missing'
  fi
}

# An NVSwitch without its fabric manager makes CUDA fail on every GPU of the node, so it is said before it is met.
check_fabric_manager() { # FOLDER
  local -r lack="this node has an NVSwitch, and this image has no fabric manager: CUDA will not start on GPUs behind it"
  ((${#NVSWITCHES[@]} > 0)) || return 0
  [[ $FABRIC_MANAGER != off && ! -x $STORE/$1/bin/nv-fabricmanager ]] || return 0
  [[ $FABRIC_MANAGER != required ]] || fail "$EXIT_NO_FABRIC_MANAGER" "$lack"
  say "$lack"
}

ensure_daemons() {
  if [[ $(persistence_state) == stopped ]]; then
    start_daemon nvidia-persistenced --persistence-mode --nvidia-cfg-path="$STORE/current/lib"
  fi
  if [[ $(fabric_state) == stopped ]]; then
    write_fabric_configuration
    start_daemon nv-fabricmanager -c "$STATE/fabricmanager.cfg"
  fi
}

# Fabric manager as a process of ours: in the foreground, logging to us, with its tables where they are.
write_fabric_configuration() {
  local -r folder=$STORE/current/share/nvidia/nvswitch
  write_file "$STATE/fabricmanager.cfg" "$(sed -E -e 's/^DAEMONIZE=.*/DAEMONIZE=0/' -e 's/^LOG_FILE_NAME=.*/LOG_FILE_NAME=/' \
    -e "s,^(TOPOLOGY_FILE_PATH|DATABASE_PATH)=.*,\1=$folder," "$folder/fabricmanager.cfg" 2>/dev/null)"
}

# Neither the lock nor anything else of ours goes with it.
start_daemon() { # NAME ARGUMENT…
  local -r name=$1
  shift
  say "starting $name"
  (
    release_lock
    export LD_LIBRARY_PATH=$STORE/current/lib
    exec "$STORE/current/bin/$name" "$@"
  ) </dev/null > >(exec sed -u 's/^/nvidia-installer: | /' >&2) 2>&1 &
}

# A process that has ended has no command line any more, even if nobody has asked yet how it ended.
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
