# shellcheck shell=bash
# What is said, and how a run ends. All of it goes to stderr: stdout is for what a command was asked to print.

say() {
  printf 'nvidia-installer: %s\n' "$*" >&2
}

# The words of a tool, line by line.
quote() { # TEXT
  local line
  while IFS= read -r line; do
    [[ -z $line ]] || say "| $line"
  done < <(printf '%s\n' "$1")
}

fail() { # CODE SENTENCE…
  local -r code=$1
  shift
  say "$@"
  exit "$code"
}

usage_error() { # SENTENCE
  fail "$EXIT_USAGE" "$1; see nvidia-installer --help"
}

# Ends the run for a tool that failed; a full disk has an exit code of its own, whichever tool met it.
give_up() { # CODE SENTENCE WORDS-OF-THE-TOOL
  quote "$3"
  [[ $3 != *"No space left on device"* ]] || fail "$EXIT_NO_SPACE" "the disk is full; make room and run again"
  fail "$1" "$2"
}

# Functions that are called with the exit code when the run ends, however it ends but by KILL; the last one first. Each has
# to bear being called for nothing, and must neither fail nor exit.
AT_EXIT=()

# A subshell that a signal kills early calls this, too.
run_at_exit() {
  local -r code=$?
  local -i i
  [[ $BASHPID == "$$" ]] || return 0
  for ((i = ${#AT_EXIT[@]} - 1; i >= 0; i--)); do
    "${AT_EXIT[i]}" "$code" || true
  done
}

# For a tool whose output matters only if it fails.
run() { # COMMAND…
  local output
  if output=$("$@" 2>&1); then return 0; fi
  give_up "$EXIT_STEP_FAILED" "this failed: $*" "$output"
}

# For a step without which the driver works, too.
try() { # WHAT-IS-LOST COMMAND…
  local -r lost=$1
  local output
  shift
  if output=$("$@" 2>&1); then return 0; fi
  say "$lost: ${output//$'\n'/; }"
  return 1
}
