# shellcheck shell=bash
# Starts the driver's daemons, outside of the container that starts them.

readonly SETTLE_SECONDS=2 # a fabric manager that cannot work ends within this time
readonly MAX_RESTART_SECONDS=300

# Starts the daemons, and ends the run if the fabric manager ends at once. Its process must run for CUDA to work.
start_daemons() {
  local -i tries
  ensure_daemons
  if [[ -v STARTED[nv-fabricmanager] ]]; then
    for ((tries = 0; tries < SETTLE_SECONDS * 10; tries++)); do
      [[ $(fabric_state) == running ]] || break
      sleep 0.1
    done
  fi
  [[ $(fabric_state) != stopped ]] ||
    fail_with_output "$EXIT_NO_FABRIC_MANAGER" "the fabric manager ended; see its output above" \
      "$(tail -n 20 -- "$STATE_DIR/nv-fabricmanager.log")"
}

# Starts the daemons that do not run, each not before its time.
ensure_daemons() {
  local folder
  if [[ $(persistence_state) == stopped ]]; then
    folder=$(linked_folder current)
    start_daemon nvidia-persistenced "$folder" --persistence-mode --nvidia-cfg-path="$DRIVERS_DIR/$folder/lib"
  fi
  if [[ $(fabric_state) == stopped ]]; then
    folder=$(linked_folder current)
    write_fabric_configuration "$folder"
    start_daemon nv-fabricmanager "$folder" -c "$STATE_DIR/fabricmanager.cfg"
  fi
}

# Configures the fabric manager to run in the foreground, log to stderr, and read its tables from the driver's folder.
write_fabric_configuration() { # FOLDER
  local -r folder=$DRIVERS_DIR/$1/share/nvidia/nvswitch
  write_file "$STATE_DIR/fabricmanager.cfg" "$(sed -E -e 's/^DAEMONIZE=.*/DAEMONIZE=0/' -e 's/^LOG_FILE_NAME=.*/LOG_FILE_NAME=/' \
    -e "s,^(TOPOLOGY_FILE_PATH|DATABASE_PATH)=.*,\1=$folder," "$folder/fabricmanager.cfg" 2>/dev/null)"
}

# The time of the last start of a daemon, and the seconds until the next.
declare -A STARTED=() RESTART_SECONDS=()

# Starts a daemon in the background, unless its last start was a short time ago. That time doubles with each start, until the
# daemon has run for MAX_RESTART_SECONDS.
start_daemon() { # NAME FOLDER ARGUMENT…
  local -r name=$1 folder=$2
  local -i now elapsed=MAX_RESTART_SECONDS
  now=$(uptime_seconds)
  if [[ -v STARTED[$name] ]]; then elapsed=$((now - STARTED[$name])); fi
  ((elapsed >= ${RESTART_SECONDS[$name]:-0})) || return 0
  # shellcheck disable=SC2004 # a word and not a number: the array is associative
  if ((elapsed >= MAX_RESTART_SECONDS)); then RESTART_SECONDS[$name]=0; fi
  STARTED[$name]=$now
  RESTART_SECONDS[$name]=$((RESTART_SECONDS[$name] * 2 + 5))
  shift 2
  log "starting $name"
  [[ -d $STATE_DIR ]] || run mkdir -p -- "$STATE_DIR"
  run_detached "$name" "$DRIVERS_DIR/$folder/bin/$name" "$@"
}

# true: daemons continue when the container ends. false for `nvidia-driver`, whose driver is in the container.
OUTLIVE_CONTAINER=true

# Runs a program that outlives this process and its container: without the lock and the terminal, with its output in a file, and
# outside of the container's control group, whose processes the container engine kills.
run_detached() { # NAME PROGRAM ARGUMENT…
  local -r name=$1
  shift
  (
    release_lock
    close_pipe
    ! "$OUTLIVE_CONTAINER" || leave_control_group
    export LD_LIBRARY_PATH=${1%/*/*}/lib
    exec setsid -- "$@"
  ) </dev/null >>"$STATE_DIR/$name.log" 2>&1 &
  write_file "$STATE_DIR/$name.pid" "$!"
}

# Moves this process to the root of each hierarchy of control groups: one in version 2, several in version 1 (cgroups(7)). "0" is
# the process that writes.
leave_control_group() {
  local -r root=$SYSFS_ROOT/fs/cgroup
  local file
  local -a files=("$root"/*/cgroup.procs)
  [[ ! -e $root/cgroup.controllers ]] || files=("$root/cgroup.procs")
  for file in "${files[@]}"; do
    [[ ! -w $file ]] || printf 0 >"$file" || true
  done
}
