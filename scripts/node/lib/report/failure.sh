# shellcheck shell=bash
# The last failure of `install` or `uninstall`, in a file of three lines: command, exit code, message.

readonly FAILURE_FILE=$STATE_DIR/nvidia-installer.failure

# Keeps the failure of `install` or `uninstall` for `status`, `wait` and the metrics, until one of them succeeds. On a host
# without RUN_DIR and reports, nothing is written: a refused run leaves it untouched.
record_failure() { # EXIT-CODE
  local message=$FAILURE_MESSAGE
  if [[ $1 == "$EXIT_OK" ]]; then
    [[ ! -e $FAILURE_FILE && ! -L $FAILURE_FILE ]] || rm -f -- "$FAILURE_FILE"
    return 0
  fi
  [[ $(id -u) == 0 && -d $HOST_ROOT && (-d $STATE_DIR || -n $METRICS_FILE$FEATURES_FILE) ]] || return 0
  # Without a message: a subshell failed, or a signal ended the run.
  [[ -n $message ]] || message=$(exit_code_meaning "$1")
  write_host_file "$FAILURE_FILE" "$COMMAND"$'\n'"$1"$'\n'"${message//[[:cntrl:]]/ }" "" 2>/dev/null || true
  [[ $COMMAND == install ]] || report '' ''
}

# Sets FAILURE to the command, exit code, reason and message of the last failure; empty without one.
read_failure() {
  local -r pattern=$'^((un)?install)\n([0-9]{1,3})\n([^\n]*)\n$'
  local reason
  FAILURE=()
  read_text "$FAILURE_FILE" && [[ $TEXT =~ $pattern ]] || return 0
  reason=$(exit_code_reason "${BASH_REMATCH[3]}")
  FAILURE=("${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" "${reason:-unknown}" "${BASH_REMATCH[4]}")
}

# Prints the constant of an exit code as one word, such as in_use.
exit_code_reason() { # EXIT-CODE
  sed -nE "s/^readonly EXIT_([A-Z_]+)=$1 .*/\L\1/p" "$LIB/core/exit-codes.sh"
}

exit_code_meaning() { # EXIT-CODE
  sed -nE "s/^readonly EXIT_[A-Z_]+=$1 +# //p" "$LIB/core/exit-codes.sh"
}

KNOWN_FAILURE='unset'

# Logs a failure that another run has recorded since the last look. The output of a preStop hook is lost.
log_new_failure() {
  local -r before=$KNOWN_FAILURE
  read_text "$FAILURE_FILE" || true
  KNOWN_FAILURE=$TEXT
  [[ $before != unset && $TEXT != "$before" ]] || return 0
  read_failure
  ((${#FAILURE[@]} == 0)) || log "${FAILURE[0]} failed with exit code ${FAILURE[1]} (${FAILURE[2]}): ${FAILURE[3]}"
}
