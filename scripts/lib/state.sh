# shellcheck shell=bash
# A record of what `scripts/setup` has made outside the checkout, for `--remove`. common.sh is sourced before.

# A user without a home folder, as in some containers, keeps no record.
readonly STATE=${XDG_STATE_HOME:-${HOME:-/nonexistent}/.local/state}/nvidia-installer

# Adds lines to `packages` or `engine` of the record.
record() { # NAME LINE…
  local -r name=$1
  shift
  mkdir -p "$STATE" 2>/dev/null && printf '%s\n' "$@" >>"$STATE/$name" || true
}

# Prints the time at which a process started, in clock ticks since boot. Ids are used again, id and time together are not.
started_at() { # PROCESS-ID
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The name, in brackets, may contain blanks (proc(5)).
  stat=${stat##*) }
  # shellcheck disable=SC2086 # its words are fields
  set -- $stat
  echo "${20}"
}
