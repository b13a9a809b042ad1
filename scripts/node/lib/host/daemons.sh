# shellcheck shell=bash
# The driver's daemons. They outlive the pod that starts them, because jobs on the GPUs may need them: only `uninstall`, an
# upgrade and the end of `nvidia-driver` stop them. A daemon is known by its process id, its executable and its user.

readonly DAEMONS=(nvidia-persistenced nvlsm nv-fabricmanager)
readonly SETTLE_SECONDS=2 # a fabric manager that cannot work ends within this time
readonly MAX_RESTART_SECONDS=300

# Succeeds if a process runs a program as this user. Neither can be pretended by another container.
runs_program() { # PID PROGRAM
  [[ -n $1 && $PROC_ROOT/$1/exe -ef $2 && -O $PROC_ROOT/$1 ]]
}

# Succeeds if a daemon runs from any driver in INSTALL_ROOT. nvidia-persistenced changes its process id when it starts, so a daemon
# without a valid record is searched among all processes.
daemon_runs() { # NAME
  local pid='' program
  { read -r pid <"$STATE_DIR/$1.pid"; } 2>/dev/null || true
  for program in "$DRIVERS_DIR"/[0-9]*/bin/"$1"; do
    if runs_program "$pid" "$program"; then return 0; fi
  done
  [[ -n $(running_daemons "$DRIVERS_DIR"/[0-9]*/bin/"$1") ]]
}

# Prints PID NAME for each process of these programs.
running_daemons() { # PROGRAM…
  local process program
  for process in "$PROC_ROOT"/[0-9]*; do
    for program; do
      if runs_program "${process##*/}" "$program"; then printf '%s %s\n' "${process##*/}" "${program##*/}" && break; fi
    done
  done
}

# Prints PID NAME for each daemon of a driver, or of all drivers.
our_daemons() { # [FOLDER]
  local name
  local -a programs=()
  for name in "${DAEMONS[@]}"; do
    # shellcheck disable=SC2206 # without a folder, the word is a pattern
    programs+=("$DRIVERS_DIR"/${1:-[0-9]*}/bin/"$name")
  done
  running_daemons "${programs[@]}"
}

# Prints off, not needed, missing, running or stopped.
persistence_state() {
  if [[ $PERSISTENCE == off ]]; then
    printf 'off'
  elif ((${#GPUS[@]} == 0)); then
    printf 'not needed'
  else
    daemon_state nvidia-persistenced
  fi
}

daemon_state() { # NAME
  if daemon_runs "$1"; then
    printf 'running'
  elif [[ -x $DRIVERS_DIR/current/bin/$1 ]]; then
    printf 'stopped'
  else
    printf 'missing'
  fi
}

# Succeeds if the daemons run that CUDA needs on this node. nvidia-persistenced only saves time.
needed_daemons_run() {
  local state
  state=$(fabric_state)
  [[ $state == running || $state == off || $state == "not needed" ]]
}

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
  folder=$(linked_folder current)
  if [[ $(persistence_state) == stopped ]]; then
    start_daemon nvidia-persistenced "$folder" --persistence-mode --nvidia-cfg-path="$DRIVERS_DIR/$folder/lib"
  fi
  if [[ $(fabric_state) == stopped ]]; then
    start_fabric "$folder"
  fi
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

# Ends the daemons of a driver, or of all drivers. One that does not end in time is killed; one that cannot be killed ends the run.
stop_daemons() { # [FOLDER]
  local pid name
  while read -r pid name; do
    stop_daemon "$pid" "$name"
  done < <(our_daemons "$@")
}

stop_daemon() { # PID NAME
  kill "$1" 2>/dev/null || return 0
  ! wait_for_end "$1" "$DAEMON_STOP_SECONDS" || return 0
  log "process $1 ($2) does not end within $DAEMON_STOP_SECONDS seconds, and is killed"
  kill -KILL "$1" 2>/dev/null || return 0
  wait_for_end "$1" 5 || fail "$EXIT_IN_USE" "process $1 ($2) cannot be killed: it waits in the kernel; reboot the node"
}

# A process that has ended has no executable, even as a zombie.
wait_for_end() { # PID SECONDS
  local -i tries
  for ((tries = 0; tries < $2 * 10; tries++)); do
    [[ -e $PROC_ROOT/$1/exe ]] || return 0
    sleep 0.1
  done
  return 1
}
