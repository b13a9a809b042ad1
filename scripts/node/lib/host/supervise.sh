# shellcheck shell=bash
# The loop of commands that run as long as their container.

STOPPING=false

# Handles a signal. The real work happens outside the trap, because bash changes the meaning of `return` inside one.
request_stop() {
  STOPPING=true
}

# Sleeps in the background: bash runs traps during `wait`, but not while a program runs. After a signal the sleep continues
# alone. If killed too early, while it is still a copy of this shell, it would run this shell's exit functions.
pause() {
  (
    release_lock
    exec sleep "$POLL_SECONDS"
  ) </dev/null &>/dev/null &
  "$STOPPING" || wait "$!" || true
}

# Keeps the daemons running until a signal. Ends the run if the driver is unloaded.
supervise() { # [FUNCTION]
  until "$STOPPING"; do
    "${1:-true}"
    if ! is_loaded nvidia; then
      stop_daemons
      # An `uninstall` in this container (a preStop hook) must finish first. The signal comes after it.
      wait_for_other_runs
      pause
      "$STOPPING" || fail "$EXIT_DRIVER_GONE" "the driver is no longer loaded; install it again"
      break
    fi
    ensure_daemons
    pause
  done
}
