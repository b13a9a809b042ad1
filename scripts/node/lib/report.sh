# shellcheck shell=bash
# What the installer tells programs of the host, in files, so that nothing on a node needs access to the Kubernetes API.
# What is in them: report-formats.sh.

readonly REPORTS=(METRICS_FILE:metrics FEATURES_FILE:features)
# Whether this run has unpacked a driver or put one into service.
INSTALLED=false
REPORT_TROUBLE=

# For `install`, when it ends.
report_installation() { # EXIT-CODE
  local seconds=
  if "$INSTALLED" && [[ $1 == "$EXIT_OK" ]]; then seconds=$SECONDS; fi
  report "$1" "$seconds"
}

# The same trouble is said once. A subshell, because reading the state may end the process, and because it takes locks.
report() { # EXIT-CODE SECONDS
  local words
  [[ -n $METRICS_FILE$FEATURES_FILE && -d $HOST_ROOT ]] || return 0
  words=$(write_reports "$@" 2>&1) || true
  [[ -z $words || $words == "$REPORT_TROUBLE" ]] || printf '%s\n' "$words" >&2
  REPORT_TROUBLE=$words
}

# Only a run that refuses has looked for users. A `wait` that outlives an uninstallation has nothing to tell any more.
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
      try "$name=${!name} is not up to date, which the driver does not mind" write_report "${report#*:}" "$path" "$@" || true
  done
}

# `install` and `wait` may write at once: whoever has the folder's lock reads what has been kept, and writes. Some network
# file systems have no such locks. In a trap, `return` alone means something else.
write_report() { # metrics|features PATH EXIT-CODE SECONDS
  local -r next=${2%/*}/.nvidia-installer
  local content lock
  stays_on_host "$2" || return 1
  # Only `install` makes folders: while `wait` looks, another run may be uninstalling, which takes them away.
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
  stays_on_host "$1" && rm -f -- "$1" "${1%/*}/.nvidia-installer"
}
