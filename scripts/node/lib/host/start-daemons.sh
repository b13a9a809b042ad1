# shellcheck shell=bash
# Starts the driver's daemons, outside of the container that starts them.

readonly SETTLE_SECONDS=2 # a fabric manager that cannot work ends within this time
readonly MAX_RESTART_SECONDS=300

# Starts the daemons, and ends the run if the fabric manager ends at once. Its process must run for CUDA to work.
start_daemons() {
  local -i tries
  local -a logs=("${FABRIC_PROGRAMS[@]/#/"$STATE_DIR/"}")
  logs=("${logs[@]/%/.log}")
  ensure_daemons
  if [[ -v STARTED[nv-fabricmanager] ]]; then
    for ((tries = 0; tries < SETTLE_SECONDS * 10; tries++)); do
      [[ $(fabric_state) == running ]] || break
      sleep 0.1
    done
  fi
  [[ $(fabric_state) == stopped ]] || return 0
  if [[ -z $FABRIC_FAULT ]]; then
    fail_with_output "$EXIT_NO_FABRIC_MANAGER" "the fabric manager ended; see its output above" \
      "$(tail -qn 20 -- "${logs[@]}")"
  fi
  [[ $FABRIC_MANAGER != required ]] || fail "$EXIT_NO_FABRIC_MANAGER" "$FABRIC_FAULT"
}

# Starts the daemons that do not run, each not before its time.
ensure_daemons() {
  local folder
  if [[ $(persistence_state) == stopped ]]; then
    folder=$(linked_folder current)
    start_daemon nvidia-persistenced "$folder" --persistence-mode --nvidia-cfg-path="$DRIVERS_DIR/$folder/lib"
  fi
  if [[ $(fabric_state) == stopped ]]; then start_fabric "$(linked_folder current)"; fi
}

# The time of the last start of a daemon, and the seconds until the next.
declare -A STARTED=() RESTART_SECONDS=()

# Succeeds if a daemon may be started: its last start was not a short time ago. That time doubles with each start, until the daemon
# has run for MAX_RESTART_SECONDS.
is_due() { # NAME
  [[ ! -v STARTED[$1] ]] || (($(uptime_seconds) - STARTED[$1] >= RESTART_SECONDS[$1]))
}

note_start() { # NAME
  local -i now
  now=$(uptime_seconds)
  # shellcheck disable=SC2004 # words and not numbers: the arrays are associative
  if [[ ! -v STARTED[$1] ]] || ((now - STARTED[$1] >= MAX_RESTART_SECONDS)); then RESTART_SECONDS[$1]=0; fi
  STARTED[$1]=$now
  RESTART_SECONDS[$1]=$((RESTART_SECONDS[$1] * 2 + 5))
}

# Starts a daemon in the background if it is due.
start_daemon() { # NAME FOLDER ARGUMENT…
  local -r name=$1 folder=$2
  is_due "$name" || return 0
  note_start "$name"
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
