# shellcheck shell=bash
# Small files on the host, apart from the driver.

readonly LIBRARY_FILE=${HOST_ROOT%/}/etc/ld.so.conf.d/nvidia-installer.conf
readonly LIBRARY_CACHE=${HOST_ROOT%/}/etc/ld.so.cache
readonly READY_FILE=$STATE_DIR/nvidia-installer.ready
# The digest of the image whose driver this node should have. `uninstall` removes it first, so that `wait` repairs nothing.
readonly WANTED_FILE=$STATE_DIR/nvidia-installer.wanted
# The GPU Operator's validator waits for this one.
readonly OPERATOR_READY_FILE=$STATE_DIR/validations/.driver-ctr-ready

# Adds the driver's libraries to the host's library cache. A host without /etc/ld.so.conf has no such cache.
register_libraries() {
  [[ -e ${HOST_ROOT%/}/etc/ld.so.conf ]] || return 0
  write_host_file "$LIBRARY_FILE" "$INSTALL_ROOT/current/lib" \
    "the host's programs do not find the driver's libraries" || return 0
  if [[ ! -e $LIBRARY_CACHE ]] ||
    [[ -n $(find "$LIBRARY_FILE" "$DRIVERS_DIR/current" -maxdepth 0 -newer "$LIBRARY_CACHE") ]]; then
    refresh_libraries
  fi
}

refresh_libraries() {
  try "the host's library cache is not up to date" ldconfig -r "$HOST_ROOT" || true
}

unregister_libraries() {
  [[ -e $LIBRARY_FILE || -L $LIBRARY_FILE ]] || return 0
  run rm -f -- "$LIBRARY_FILE"
  refresh_libraries
}

is_ready() { # FOLDER
  [[ -f $READY_FILE && $(<"$READY_FILE") == "$1" && -f $OPERATOR_READY_FILE ]]
}

mark_ready() { # FOLDER
  write_cdi_files "$1"
  write_file "$OPERATOR_READY_FILE" "GDRCOPY_ENABLED: $GDRCOPY_ENABLED
GDS_ENABLED: $GDS_ENABLED
GPU_DIRECT_RDMA_ENABLED: $GPU_DIRECT_RDMA_ENABLED"
  write_file "$READY_FILE" "$1"
}

mark_not_ready() {
  remove_cdi_files
  [[ -e $READY_FILE || -e $OPERATOR_READY_FILE ]] || return 0
  run rm -f -- "$READY_FILE" "$OPERATOR_READY_FILE"
}

mark_wanted() {
  read_digest
  write_file "$WANTED_FILE" "$IMAGE_DIGEST"
}

# Succeeds if the node should have the driver of this image.
is_wanted() {
  read_digest
  has_content "$WANTED_FILE" "$IMAGE_DIGEST"
}

# An empty file that marks each folder that nvidia-installer created outside its own folders.
readonly CREATED_MARK=.nvidia-installer-made

make_marked_folder() { # FOLDER
  [[ -z $1 || -d $1 ]] || { make_marked_folder "${1%/*}" && mkdir -- "$1" && (set -o noclobber && : >"$1/$CREATED_MARK"); }
}

# Removes the marked folders at and above the given ones. A folder with other files stays and loses its mark. A given folder
# may contain another one.
remove_marked_folders() { # FOLDER…
  local folder
  for folder; do
    while [[ -n $folder && (! -e $folder || $(ls -A -- "$folder") == "$CREATED_MARK") ]]; do
      [[ ! -e $folder ]] || { rm -- "$folder/$CREATED_MARK" && rmdir -- "$folder"; } || return 1
      folder=${folder%/*}
    done
  done
  for folder; do
    until [[ -z $folder ]]; do
      [[ ! -e $folder/$CREATED_MARK ]] || rm -- "$folder/$CREATED_MARK" || return 1
      folder=${folder%/*}
    done
  done
}
