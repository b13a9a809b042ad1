# shellcheck shell=bash
# The output of the daemons. They outlive the container, so it goes to files, and `wait` copies it to the container's log.

readonly MAX_LOG_BYTES=1048576
declare -A LOG_FILES=() LOG_BYTES=() LOG_TEXT=()

# Logs the lines that the daemons have written since the last call.
follow_logs() {
  local name
  for name in "${DAEMONS[@]}"; do
    [[ -f $STATE_DIR/$name.log ]] || continue
    [[ -v LOG_FILES[$name] ]] || open_log "$name"
    follow_log "$name"
  done
}

open_log() { # NAME
  local file
  exec {file}<"$STATE_DIR/$1.log"
  # shellcheck disable=SC2004 # words and not numbers: the arrays are associative
  LOG_FILES[$1]=$file LOG_BYTES[$1]=0 LOG_TEXT[$1]=
}

# The text of an unfinished line is kept for the next call.
follow_log() { # NAME
  local -r file=${LOG_FILES[$1]}
  local line
  while IFS= read -r -u "$file" line; do
    log "| ${LOG_TEXT[$1]}$line"
    LOG_BYTES[$1]=$((LOG_BYTES[$1] + ${#LOG_TEXT[$1]} + ${#line} + 1))
    LOG_TEXT[$1]=
  done
  LOG_TEXT[$1]+=$line
  if ((LOG_BYTES[$1] > MAX_LOG_BYTES)); then
    : >"$STATE_DIR/$1.log"
    exec {file}<&-
    unset "LOG_FILES[$1]"
  fi
}

# Skips the lines of an earlier container.
skip_old_logs() {
  local name
  for name in "${DAEMONS[@]}"; do
    [[ -f $STATE_DIR/$name.log ]] || continue
    open_log "$name"
    while read -r -u "${LOG_FILES[$name]}" _; do :; done
  done
}
