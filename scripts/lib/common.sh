# shellcheck shell=bash
# Messages, root's rights and repetition, for the set-up scripts. Each message begins with the script's name.

log() {
  printf '%s: %s\n' "${0##*/}" "$*"
}

fail() { # CODE MESSAGE
  local -r code=$1
  shift
  log "$@" >&2
  exit "$code"
}

# Succeeds if a program exists. The folders of dockerd, iptables and modinfo are not on an ordinary user's PATH.
has() {
  command -v "$1" >/dev/null || [[ -x /usr/sbin/$1 || -x /sbin/$1 ]]
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

require_root() { # COMMAND (for the message)
  [[ $(id -u) == 0 ]] || has sudo || fail 2 "${0##*/} needs root, and this machine has no sudo; run as root: $1"
}

# Runs a command up to three times, because name look-ups and archives fail now and then. Prints the end of the last output.
with_retries() { # NAME COMMAND…
  local name=$1 attempt log
  shift
  log=$(mktemp)
  for attempt in 1 2 3; do
    if "$@" >"$log" 2>&1; then
      rm -f "$log"
      return
    fi
    [[ $attempt == 3 ]] || sleep "$((attempt * 2))"
  done
  tail -n 20 "$log" >&2
  fail 1 "$name failed three times; see its whole output in $log"
}
