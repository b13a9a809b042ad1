# shellcheck shell=bash
# CDI specifications of other programs. An engine refuses a device that two files of one folder describe, so a kind that another
# program describes is left to it.

# The last lines of a specification may have its kind, and that of many MIG devices is longer than 64 KiB.
readonly MAX_CDI_BYTES=1048576

# The file that describes a kind, as a path of the host.
OTHER_CDI_FILE=
# The file that was logged last for each kind; empty if it is gone.
declare -A LOGGED_CDI_FILES=()

# Sets OTHER_CDI_FILE; empty without a file. It starts a program only for a link. Engines follow links, and read hidden files, too
# (https://github.com/cncf-tags/container-device-interface, pkg/cdi/spec-dirs.go).
find_other_cdi_file() { # KIND
  local -r key="(^|[,{"$'\n'"])[[:space:]]*[\"']?kind[\"']?[[:space:]]*:[[:space:]]*"
  local -r pattern="${key}[\"']?${1//./\\.}([\"'[:space:],}]|\$)"
  local file
  for file in "$CDI_DIR"/{,.}*.{json,yaml}; do
    [[ $file != "$CDI_PREFIX"* ]] || continue
    OTHER_CDI_FILE=/var/run/cdi/${file##*/}
    RESOLVED=$file
    [[ ! -L $file ]] || resolve_path "$OTHER_CDI_FILE" || true
    if read_text "$RESOLVED" "$MAX_CDI_BYTES" && [[ $TEXT =~ $pattern ]]; then return 0; fi
  done
  OTHER_CDI_FILE=
}

# Logs OTHER_CDI_FILE once, until it is gone or another file is found.
log_other_cdi_file() { # KIND
  [[ -z $OTHER_CDI_FILE || $OTHER_CDI_FILE == "${LOGGED_CDI_FILES[$1]:-}" ]] ||
    log "containers get no GPU by CDI ($1) from nvidia-installer, because $OTHER_CDI_FILE describes the same devices; remove it," \
      "or change CDI_KINDS"
  LOGGED_CDI_FILES[$1]=$OTHER_CDI_FILE
}
