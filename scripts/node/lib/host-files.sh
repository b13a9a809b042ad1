# shellcheck shell=bash
# Small files that the installer writes on the host beside the driver.

readonly LIBRARY_FILE=${HOST_ROOT%/}/etc/ld.so.conf.d/nvidia-installer.conf
readonly LIBRARY_CACHE=${HOST_ROOT%/}/etc/ld.so.cache
readonly READY_FILE=$STATE/nvidia-installer.ready
# The GPU Operator's validator waits for this one.
readonly OPERATOR_READY_FILE=$STATE/validations/.driver-ctr-ready

# Writes a file whole, by a rename; one that is right is left alone.
write_file() { # PATH CONTENT
  local -r next=${1%/*}/.nvidia-installer
  if has_content "$1" "$2"; then return 0; fi
  [[ -d ${1%/*} ]] || run mkdir -p -- "${1%/*}"
  run write_content "$next" "$2"
  run mv -T -- "$next" "$1"
}

# The same where the host may refuse it (an immutable system's /etc) and the driver works without.
write_host_file() { # PATH CONTENT WHAT-IS-LOST
  local -r next=${1%/*}/.nvidia-installer
  if has_content "$1" "$2"; then return 0; fi
  try "$3" mkdir -p -- "${1%/*}" && try "$3" write_content "$next" "$2" && try "$3" mv -T -- "$next" "$1"
}

has_content() { # PATH CONTENT
  [[ -f $1 && $(<"$1") == "$2" ]]
}

write_content() { # PATH CONTENT
  printf '%s\n' "$2" >"$1"
}

# A host without /etc/ld.so.conf has no library cache to tell anything.
register_libraries() {
  [[ -e ${HOST_ROOT%/}/etc/ld.so.conf ]] || return 0
  write_host_file "$LIBRARY_FILE" "$INSTALL_ROOT/current/lib" \
    "the host's programs do not find the driver's libraries by themselves" || return 0
  if [[ ! -e $LIBRARY_CACHE ]] ||
    [[ -n $(find "$LIBRARY_FILE" "$STORE/current" -maxdepth 0 -newer "$LIBRARY_CACHE") ]]; then
    refresh_libraries
  fi
}

refresh_libraries() {
  try "the host's library cache stays as it is" ldconfig -r "$HOST_ROOT" || true
}

forget_libraries() {
  [[ -e $LIBRARY_FILE ]] || return 0
  run rm -f -- "$LIBRARY_FILE"
  refresh_libraries
}

is_ready() { # FOLDER
  [[ -f $READY_FILE && $(<"$READY_FILE") == "$1" && -f $OPERATOR_READY_FILE ]]
}

mark_ready() { # FOLDER
  write_file "$OPERATOR_READY_FILE" "GDRCOPY_ENABLED: $GDRCOPY_ENABLED
GDS_ENABLED: $GDS_ENABLED
GPU_DIRECT_RDMA_ENABLED: $GPU_DIRECT_RDMA_ENABLED"
  write_file "$READY_FILE" "$1"
}

mark_not_ready() {
  run rm -f -- "$READY_FILE" "$OPERATOR_READY_FILE"
}

# An empty file in each folder that was made where others have theirs, by which the folder is known again.
readonly MADE_MARK=.nvidia-installer-made

make_marked_folder() { # FOLDER
  [[ -z $1 || -d $1 ]] || { make_marked_folder "${1%/*}" && mkdir -- "$1" && : >"$1/$MADE_MARK"; }
}

# Of the folders that were made, those stay that hold something of others. One of those given may lie in another.
remove_marked_folders() { # FOLDER…
  local folder
  for folder; do
    while [[ -n $folder && (! -e $folder || $(ls -A -- "$folder") == "$MADE_MARK") ]]; do
      [[ ! -e $folder ]] || { rm -- "$folder/$MADE_MARK" && rmdir -- "$folder"; } || return 1
      folder=${folder%/*}
    done
  done
  for folder; do
    until [[ -z $folder ]]; do
      [[ ! -e $folder/$MADE_MARK ]] || rm -- "$folder/$MADE_MARK" || return 1
      folder=${folder%/*}
    done
  done
}
