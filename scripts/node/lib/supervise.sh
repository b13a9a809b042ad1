# shellcheck shell=bash
# What runs for as long as its container does.

STOPPING=false

# All that a signal does. bash has a rule of its own for what functions return in a trap, so no work is done in one.
request_stop() {
  STOPPING=true
}

# bash runs traps while it waits, but not while a program runs. After a signal the sleep is left to itself: killed before
# it is more than a copy of this shell, it would call what this shell has for its own end.
pause() {
  (
    release_lock
    exec sleep "$POLL_SECONDS"
  ) </dev/null &>/dev/null &
  "$STOPPING" || wait "$!" || true
}

# Keeps the daemons alive until a signal comes; ends the run if the driver goes.
supervise() { # [FUNCTION]
  until "$STOPPING"; do
    "${1:-true}"
    if ! is_loaded nvidia; then
      stop_daemons
      # An `uninstall` in this very container (a preStop hook) would end with it, half done. The signal comes after it.
      let_others_end
      pause
      "$STOPPING" || fail "$EXIT_DRIVER_GONE" "the driver is not loaded any more"
      break
    fi
    ensure_daemons
    pause
  done
}
