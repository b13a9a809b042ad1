# shellcheck shell=bash
# The loops of commands that run as long as their container.

STOPPING=false
# The two ends of a pipe. Its writer is closed to end the loop: `read -t` of bash 5.2.15 can lose a byte that comes at its time limit,
# but never the end of the pipe.
STOP_WRITER=
STOP_READER=

# Lets a signal end `pause` from now on. The handler only closes the pipe, and the loops run in a child process, because a trap that
# runs during a command substitution breaks bash 5.2.15: "trap: line 2: unexpected EOF while looking for matching `)'".
catch_signals() {
  local pipe
  exec {pipe}<> <(:)
  exec {STOP_READER}<"/proc/self/fd/$pipe"
  exec {STOP_WRITER}>"/proc/self/fd/$pipe" {pipe}>&-
  trap 'STOPPING=true; close_stop_writer' TERM INT HUP QUIT
}

close_stop_writer() {
  [[ -z $STOP_WRITER ]] || exec {STOP_WRITER}>&-
  STOP_WRITER=
}

# Runs a function in a child process until it ends, and returns its exit code. It calls `pause`, and ends if STOPPING is true.
run_until_stopped() { # FUNCTION
  local -i code=0
  [[ -n $STOP_READER ]] || catch_signals
  (close_stop_writer && "$1") &
  # `wait` also returns when a signal arrives. The exit code is that of a last one, for which bash remembers an ended process.
  while kill -0 "$!" 2>/dev/null; do wait "$!" || true; done
  trap '' TERM INT HUP QUIT
  wait "$!" || code=$?
  return "$code"
}

# For a process that outlives this one.
close_pipe() {
  [[ -z $STOP_READER ]] || exec {STOP_READER}<&-
  close_stop_writer
}

# Sleeps until the next poll, a signal, or the end of the process that catches the signals.
pause() { # [SECONDS]
  local -i code=0
  read -r -t "${1:-$POLL_SECONDS}" -u "$STOP_READER" _ || code=$?
  ((code > 128)) || STOPPING=true
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
