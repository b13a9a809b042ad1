# shellcheck shell=bash
# Writes reports for programs on the host. The reports are files, so nothing on the node needs access to the Kubernetes API.
# report-formats.sh has their content.

readonly REPORTS=(METRICS_FILE:metrics FEATURES_FILE:features)
# true if this run has unpacked or activated a driver.
INSTALLED=false
LAST_REPORT_ERROR=
# `wait` writes the reports this often, so that old reports can be told from current ones.
# shellcheck disable=SC2034 # used in wait.sh
readonly REPORT_SECONDS=60
# The longest wait for the lock of a folder. Another program may hold it for ever, and some network file systems have none.
LOCK_SECONDS=5
read_uptime
readonly BEGAN=$UPTIME

# Writes the reports when `install` ends.
report_installation() { # EXIT-CODE
  local seconds=
  if "$INSTALLED" && [[ $1 == "$EXIT_OK" ]]; then seconds=$(($(uptime_seconds) - BEGAN)); fi
  report "$1" "$seconds"
}

# Writes the reports, and logs an error once. The work is in a subshell, because it takes locks and may exit. The subshell is in
# the background, because bash runs traps during `wait`, but not during a command substitution. It may outlive this run, so it
# releases the node's lock.
report() { # EXIT-CODE SECONDS
  local error output writer code=0
  [[ -n $METRICS_FILE$FEATURES_FILE && -d $HOST_ROOT ]] || return 0
  # The kubelet grants a stopped run little time.
  if "$STOPPING" || [[ $1 == "$EXIT_STOPPED" ]]; then LOCK_SECONDS=1; fi
  exec {output}< <(release_lock && write_reports "$@" 2>&1 || true)
  writer=$!
  wait "$writer" || code=$?
  if ((code > 128)); then
    kill "$writer" 2>/dev/null || true
    error=stopped
  else
    IFS= read -r -d '' error <&"$output" || true
    [[ -z $error || $error == "$LAST_REPORT_ERROR" ]] || printf '%s' "$error" >&2
  fi
  exec {output}<&-
  LAST_REPORT_ERROR=$error
}

# Only a run that exits with EXIT_IN_USE has searched for users. A `wait` that runs after an uninstall writes nothing.
write_reports() { # EXIT-CODE SECONDS
  local report name path
  read_status --quiet
  # shellcheck disable=SC2154 # a word and not a variable: the array is associative
  [[ $1 != "$EXIT_IN_USE" ]] || STATUS[state]=${STATUS[state]/idle/busy}
  for report in "${REPORTS[@]}"; do
    name=${report%%:*}
    [[ -n ${!name} ]] || continue
    path=$(host_file "${!name}")
    [[ -n $1 || -n ${STATUS[folder]} || -e $path ]] || continue
    try "$name=${!name} is not up to date, which does not affect the driver" write_report "${report#*:}" "$path" "$@" || true
  done
}

# Writes one report. `install` and `wait` may write at the same time, so the lock of the folder covers both reading the old
# values and writing. The `return` needs a number: without one, it means something else in a trap.
write_report() { # metrics|features PATH EXIT-CODE SECONDS
  local -r folder=${2%/*}
  # Only `install` creates folders: while `wait` polls, an uninstall may remove them.
  if [[ -n $3 ]]; then make_marked_folder "$folder" || return 1; fi
  [[ -d $folder ]] || return 0
  lock_report_folder "$folder" || return 1
  if [[ -z $3 && ! -e $2 && -z $(linked_folder current) ]]; then return 0; fi
  replace_file "$2" "$("$1" "${@:2}")"
}

# Locks a folder until the subshell ends.
lock_report_folder() { # FOLDER
  local lock
  exec {lock}<"$1" || return 1
  flock --timeout "$LOCK_SECONDS" "$lock" || true
}

# Removes the reports, and the folders that `install` made for them and for the CDI specifications: one may contain another.
remove_reports() {
  local report path
  local -a folders=("$CDI_DIR")
  for report in "${REPORTS[@]%%:*}"; do
    [[ -n ${!report} ]] || continue
    path=$(host_file "${!report}")
    if try "$report=${!report} stays" remove_report "$path"; then folders+=("${path%/*}"); fi
  done
  try "an empty folder may stay" remove_marked_folders "${folders[@]}" || true
}

remove_report() { # PATH
  local -r folder=${1%/*}
  [[ ! -d $folder ]] || lock_report_folder "$folder" || true
  remove_unfinished "$folder"
  rm -f -- "$1"
}
