# shellcheck shell=bash
# Writes reports for programs on the host. The reports are files, so nothing on the node needs access to the Kubernetes API.
# report-formats.sh has their content.

readonly REPORTS=(METRICS_FILE:metrics FEATURES_FILE:features)
# true if this run has unpacked or activated a driver.
INSTALLED=false
LAST_REPORT_ERROR=

# Writes the reports when `install` ends.
report_installation() { # EXIT-CODE
  local seconds=
  if "$INSTALLED" && [[ $1 == "$EXIT_OK" ]]; then seconds=$SECONDS; fi
  report "$1" "$seconds"
}

# Writes the reports, and logs an error once. The work is in a subshell, because it takes locks and may exit.
report() { # EXIT-CODE SECONDS
  local error
  [[ -n $METRICS_FILE$FEATURES_FILE && -d $HOST_ROOT ]] || return 0
  error=$(write_reports "$@" 2>&1) || true
  [[ -z $error || $error == "$LAST_REPORT_ERROR" ]] || printf '%s\n' "$error" >&2
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
    path=${HOST_ROOT%/}${!name}
    [[ -n ${!name} && (-n $1 || -n ${STATUS[folder]} || -e $path) ]] || continue
    has_content "$path" "$("${report#*:}" "$path" "$@")" ||
      try "$name=${!name} is not up to date, which does not affect the driver" write_report "${report#*:}" "$path" "$@" || true
  done
}

# Writes one report. `install` and `wait` may write at the same time, so the lock of the folder covers both reading the old
# values and writing. Some network file systems have no such locks. The `return` needs a number: without one, it means
# something else in a trap.
write_report() { # metrics|features PATH EXIT-CODE SECONDS
  local -r next=${2%/*}/.nvidia-installer
  local content lock
  check_on_host "$2" || return 1
  # Only `install` creates folders: while `wait` polls, an uninstall may remove them.
  if [[ -n $3 ]]; then make_marked_folder "${2%/*}" || return 1; fi
  [[ -d ${2%/*} ]] || return 0
  exec {lock}<"${2%/*}" || return 1
  flock --timeout 5 "$lock" || true
  if [[ -z $3 && ! -e $2 && -z $(linked_folder current) ]]; then return 0; fi
  content=$("$1" "${@:2}")
  has_content "$2" "$content" || { write_content "$next" "$content" && mv -T -- "$next" "$2"; }
}

remove_reports() {
  local report path
  local -a folders=()
  for report in "${REPORTS[@]%%:*}"; do
    path=${HOST_ROOT%/}${!report}
    if [[ -n ${!report} ]] && try "$report=${!report} stays" remove_report "$path"; then folders+=("${path%/*}"); fi
  done
  try "an empty folder may stay" remove_marked_folders "${folders[@]}" || true
}

remove_report() { # PATH
  local lock
  [[ ! -d ${1%/*} ]] || { exec {lock}<"${1%/*}" && flock --timeout 5 "$lock"; } || true
  check_on_host "$1" && rm -f -- "$1" "${1%/*}/.nvidia-installer"
}
