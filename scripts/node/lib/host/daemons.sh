# shellcheck shell=bash
# The driver's daemons. They outlive the pod that starts them, because jobs on the GPUs may need them: only `uninstall`, an
# upgrade and the end of `nvidia-driver` stop them. A daemon is known by its process id, its executable and its user.

readonly DAEMONS=(nvidia-persistenced nvlsm nv-fabricmanager)

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

# Succeeds if the host itself runs a daemon, of a package of its own: as root, in the mounts of the first process, so a container
# cannot pretend it.
host_runs() { # NAME
  local file process
  # The kernel truncates the name of a process to 15 characters.
  while IFS= read -r file; do
    process=${file%/comm}
    [[ ! -O $process || ! $process/ns/mnt -ef $PROC_ROOT/1/ns/mnt ]] || return 0
  done < <(grep -lsx -- "${1:0:15}" "$PROC_ROOT"/[0-9]*/comm)
  return 1
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

# Prints PID NAME for each daemon of some drivers, or of all in INSTALL_ROOT.
our_daemons() { # [FOLDER…]
  local name folder
  local -a programs=()
  (($# > 0)) || set -- "$DRIVERS_DIR"/[0-9]*
  for folder; do
    programs+=("${DAEMONS[@]/#/"$folder/bin/"}")
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
  if daemon_runs "$1" || host_runs "$1"; then
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
  [[ $FABRIC_MANAGER != off && ${#FABRIC_PROGRAMS[@]} -gt 0 ]] || return 0
  state=$(fabric_state)
  [[ $state == running || $state == off || $state == "not needed" ]]
}

# Ends the daemons of some drivers, or of all in INSTALL_ROOT. One that does not end in time is killed; one that cannot be killed ends the run.
stop_daemons() { # [FOLDER…]
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
