# shellcheck shell=bash
# The kernel's search path for the GPUs' firmware (GSP).

readonly FIRMWARE_PATH=$SYSFS_ROOT/module/firmware_class/parameters/path

# The path of this container's root on the host, where nvidia-driver mounts it; otherwise empty.
ROOT_ON_HOST=

# Sets the search path. The kernel resolves it on the host, so it does not contain HOST_ROOT. It names the driver's folder and
# not `current`, because a loaded driver may read its firmware again at any time.
set_firmware_path() { # FOLDER
  local -r wanted=$ROOT_ON_HOST$INSTALL_ROOT/$1/lib/firmware
  local present
  if [[ ! -w $FIRMWARE_PATH ]]; then
    log "$FIRMWARE_PATH is not writable; GPUs that need GSP firmware may not start"
    return 0
  fi
  present=$(<"$FIRMWARE_PATH")
  if [[ $present == "$wanted" ]]; then return 0; fi
  if [[ -n $present ]] && ! is_our_firmware_path "$present"; then
    is_abandoned_firmware_path "$present" || {
      log "the firmware search path stays $present, set by another program; GPUs that need GSP firmware may not start"
      return 0
    }
    log "the firmware search path was $present, which is no longer used; it is $wanted now"
  fi
  printf '%s' "$wanted" >"$FIRMWARE_PATH"
}

# Succeeds if a path of the host has no folder any more, or leads to a driver in an older INSTALL_ROOT. A container without
# the host's root cannot tell.
is_abandoned_firmware_path() { # PATH
  local folder
  [[ -z $ROOT_ON_HOST ]] || return 1
  folder=$(resolve_on_host "$1") || return 0
  [[ ! -d $folder || -f ${folder%/lib/firmware}/$RECORD_FILE ]]
}

is_our_firmware_path() { # PATH
  [[ $1 == "$INSTALL_ROOT"/* || (-n $ROOT_ON_HOST && $1 == "$ROOT_ON_HOST"/*) ]]
}

# Clears the search path. sysfs accepts no empty write; a line feed has the same effect.
reset_firmware_path() {
  [[ -w $FIRMWARE_PATH ]] || return 0
  if is_our_firmware_path "$(<"$FIRMWARE_PATH")"; then printf '\n' >"$FIRMWARE_PATH"; fi
}
