# shellcheck shell=bash
# Where the kernel looks for the GPUs' firmware (GSP).

readonly FIRMWARE_PATH=$SYSFS_ROOT/module/firmware_class/parameters/path

# Where the host sees this container's files; nvidia-driver mounts them there.
ROOT_ON_HOST=

# The kernel resolves this path on the host, hence without HOST_ROOT. It is the version's own and not `current`: a
# driver may ask for its firmware again at any time while it is loaded.
set_firmware_path() { # FOLDER
  local -r wanted=$ROOT_ON_HOST$INSTALL_ROOT/$1/lib/firmware
  local present
  if [[ ! -w $FIRMWARE_PATH ]]; then
    say "$FIRMWARE_PATH cannot be written; GPUs that need GSP firmware may not start"
    return 0
  fi
  present=$(<"$FIRMWARE_PATH")
  if [[ $present == "$wanted" ]]; then return 0; fi
  if [[ -z $present ]] || is_our_firmware_path "$present"; then
    printf '%s' "$wanted" >"$FIRMWARE_PATH"
  else
    say "the firmware search path stays $present, which is not ours; GPUs that need GSP firmware may not start"
  fi
}

is_our_firmware_path() { # PATH
  [[ $1 == "$INSTALL_ROOT"/* || (-n $ROOT_ON_HOST && $1 == "$ROOT_ON_HOST"/*) ]]
}

# An empty string cannot be written to sysfs; a line feed counts as one.
reset_firmware_path() {
  [[ -w $FIRMWARE_PATH ]] || return 0
  if is_our_firmware_path "$(<"$FIRMWARE_PATH")"; then printf '\n' >"$FIRMWARE_PATH"; fi
}
