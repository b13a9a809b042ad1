# shellcheck shell=bash
# The loops of commands that run as long as their container.

STOPPING=false
STOP_PIPE=

# Lets a signal end `pause` from now on. The handler only writes to a pipe, and the loops run in a child process, because a trap that
# runs during a command substitution breaks bash 5.2.15: "trap: line 2: unexpected EOF while looking for matching `)'".
catch_signals() {
  exec {STOP_PIPE}<> <(:)
  trap 'printf "\n" >&"$STOP_PIPE"' TERM INT HUP QUIT
}

# Runs a function in a child process until it ends, and returns its exit code. It calls `pause`, and ends if STOPPING is true.
run_until_stopped() { # FUNCTION
  local -i code=0
  [[ -n $STOP_PIPE ]] || catch_signals
  ("$1") &
  # `wait` also returns when a signal arrives.
  until { wait "$!" && code=0 || code=$?; } && ! kill -0 "$!" 2>/dev/null; do :; done
  trap '' TERM INT HUP QUIT
  return "$code"
}

# Sleeps until the next poll, or until a signal.
pause() { # [SECONDS]
  ! read -r -t "${1:-$POLL_SECONDS}" -u "$STOP_PIPE" _ || STOPPING=true
}

# Keeps the daemons of `nvidia-driver` running until a signal. Ends the run if the driver is unloaded.
supervise() {
  until "$STOPPING"; do
    is_loaded nvidia || { stop_daemons && fail "$EXIT_DRIVER_GONE" "the driver is no longer loaded; install it again"; }
    ensure_daemons
    follow_logs
    pause
  done
}
