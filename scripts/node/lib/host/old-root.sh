# shellcheck shell=bash
# The drivers below an older INSTALL_ROOT, after the setting has changed on a node.

# Prints the INSTALL_ROOT of the last installation on this host; nothing if it is the current one or unknown. The library
# configuration names it, and so does the firmware search path, until the node reboots.
old_install_root() {
  local line root
  local -a lines=()
  if read_text "$LIBRARY_FILE"; then lines+=("${TEXT%%$'\n'*}"); fi
  { read -r line <"$FIRMWARE_PATH" && lines+=("${line%/*/lib/firmware}/current/lib"); } 2>/dev/null || true
  for line in "${lines[@]}"; do
    root=${line%/current/lib}
    if [[ $line == /*/current/lib && $root != "$INSTALL_ROOT" ]]; then
      printf '%s' "$root"
      return 0
    fi
  done
}

# Removes the drivers of an older INSTALL_ROOT. What cannot be removed stays; the driver works without that.
remove_old_root() { # INSTALL-ROOT
  local store folder
  # A root below RUN_DIR is that of a container of the GPU Operator.
  [[ -n $1 && -z $ROOT_ON_HOST && $1/ != "$RUN_DIR"/* ]] || return 0
  store=$(resolve_on_host "$1") || return 0
  [[ ! $store -ef $DRIVERS_DIR ]] || return 0
  for folder in "$store"/[0-9]*; do
    [[ -f $folder/$RECORD_FILE && ! -L $folder ]] || continue
    stop_daemons "$folder"
    try "$folder stays on the disk" rm -rf -- "$folder" || return 0
    log "removed ${folder##*/} from $1, which was INSTALL_ROOT before"
  done
  try "$store stays on the disk" rm -f -- "$store/current" "$store/previous" || true
  remove_empty "$store"
}
