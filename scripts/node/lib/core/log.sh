# shellcheck shell=bash
# Log messages and the end of a run. Messages go to stderr, because stdout is for the output of a command.

# UTF-8 without the control characters U+0080 to U+009F. Bytes that are not UTF-8 can be such characters for a terminal.
readonly PRINTABLE=$'^([ -~]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})*$'

# Replaces what a terminal could obey by `?`: texts of tools, files and other processes contain anything.
make_printable() { # VARIABLE
  local -n printable=$1
  printable=${printable//$'\t'/ }
  [[ $printable == *[!\ -~]* ]] || return 0
  printable=${printable//[[:cntrl:]]/?}
  [[ $printable =~ $PRINTABLE ]] || printable=${printable//[!\ -~]/?}
}

# Each message is one line.
log() {
  local message="$*"
  message=${message//$'\n'/; }
  make_printable message
  printf 'nvidia-installer: %s\n' "$message" >&2
}

# Logs the output of a tool, line by line.
log_output() { # TEXT
  local line
  while IFS= read -r line; do
    line=${line%$'\r'}
    [[ -z $line ]] || log "| $line"
  done < <(printf '%s\n' "$1")
}

# The message of the failure that ends the run. A subshell cannot set it.
FAILURE_MESSAGE=

fail() { # CODE MESSAGE
  local -r code=$1
  shift
  log "$@"
  # shellcheck disable=SC2034 # used in report.sh
  FAILURE_MESSAGE=$*
  exit "$code"
}

usage_error() { # MESSAGE
  fail "$EXIT_USAGE" "$1; see nvidia-installer --help"
}

# Ends the run after a tool failed. A full disk has its own exit code, whichever tool failed.
fail_with_output() { # CODE MESSAGE OUTPUT [PATH]
  log_output "$3"
  [[ $3 != *"No space left on device"* ]] ||
    fail "$EXIT_NO_SPACE" "the disk${4:+ of $4} is full; free some space and run again"
  fail "$1" "$2"
}

# Functions to call when the run ends, with its exit code, in reverse order. Only KILL prevents the calls. Each function must
# work without anything to do, and must neither fail nor exit.
AT_EXIT=()

# A subshell that a signal kills early also gets here, so it returns at once.
run_at_exit() {
  local -r code=$?
  local -i i
  [[ $BASHPID == "$$" ]] || return 0
  for ((i = ${#AT_EXIT[@]} - 1; i >= 0; i--)); do
    "${AT_EXIT[i]}" "$code" || true
  done
}

# Runs a command. If it fails, logs its output and ends the run. The command's first absolute path tells which disk is full.
run() { # COMMAND…
  local output word path=
  if output=$("$@" 2>&1); then return 0; fi
  for word; do
    [[ -n $path || $word != /* ]] || path=$word
  done
  fail_with_output "$EXIT_STEP_FAILED" "command failed: $*" "$output" "$path"
}

# Runs a command that the driver works without. If it fails, logs the consequence and the output, and returns 1.
try() { # CONSEQUENCE COMMAND…
  local -r consequence=$1
  local output
  shift
  if output=$("$@" 2>&1); then return 0; fi
  log "$consequence: $output"
  return 1
}

# Prints the seconds since the node's boot, because bash's SECONDS follows each step of the node's clock.
uptime_seconds() {
  read_uptime
  printf '%d' "$UPTIME"
}

UPTIME=

# Sets UPTIME to the same.
read_uptime() {
  { read -r UPTIME _ <"$PROC_ROOT/uptime"; } 2>/dev/null || UPTIME=$SECONDS
  UPTIME=${UPTIME%%.*}
}
