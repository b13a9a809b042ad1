# shellcheck shell=bash
# Durations. The wall clock may jump, and bash's SECONDS follows it.

# Prints the seconds since the node's start, without fractions.
uptime_seconds() {
  local uptime
  { IFS=' .' read -r uptime _ <"$PROC_ROOT/uptime"; } 2>/dev/null || uptime=$SECONDS
  printf '%s' "$uptime"
}
