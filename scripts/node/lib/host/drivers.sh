# shellcheck shell=bash
# The folder of installed drivers.
#
# Unfinished work has names that begin with a dot, and the next run removes it. A folder without a dot is complete.
# A folder is never replaced: a driver with the same name but another record gets the next free name (<name>.2). So `current`
# leads to a complete driver at every moment.

readonly PARTIAL_DIR=$DRIVERS_DIR/.unpacking
readonly REMOVED_DIR=$DRIVERS_DIR/.removing
readonly NEXT_LINK=$DRIVERS_DIR/.link
readonly RECORD_FILE=installed.env
readonly LISTING_FILE=installed.list

# Prints the undamaged folder with this record, or a free name for it.
folder_for() { # NAME RECORD
  local folder
  local -i number=1
  for folder in "$DRIVERS_DIR/$1" "$DRIVERS_DIR/$1".[0-9]*; do
    if has_record "${folder##*/}" "$2" && is_intact "${folder##*/}"; then
      printf '%s' "${folder##*/}"
      return 0
    fi
  done
  folder=$1
  while [[ -e $DRIVERS_DIR/$folder ]]; do
    number+=1
    folder=$1.$number
  done
  printf '%s' "$folder"
}

has_record() { # FOLDER RECORD
  [[ -f $DRIVERS_DIR/$1/$RECORD_FILE && $(<"$DRIVERS_DIR/$1/$RECORD_FILE") == "$2" ]]
}

is_current() { # FOLDER RECORD
  has_record "$1" "$2" && [[ $(linked_folder current) == "$1" ]]
}

# Prints a line for each file of a driver: type, mode, size, time, target and path. The time shows a change of the same size.
list_files() { # FOLDER
  find "$1" -mindepth 1 \( -path "$1/$RECORD_FILE" -o -path "$1/$LISTING_FILE" \) -o -type d -printf 'd %m %P\n' -o \
    -printf '%y %m %s %T@ %l %P\n'
}

# Succeeds if a driver has the files that were unpacked.
is_intact() { # FOLDER
  local unpacked present
  [[ -f $DRIVERS_DIR/$1/$LISTING_FILE ]] || return 1
  unpacked=$(<"$DRIVERS_DIR/$1/$LISTING_FILE")
  present=$(list_files "$DRIVERS_DIR/$1") || return 1
  [[ $present == "$unpacked" ]] && return 0
  # A file system may change the order of the files.
  [[ $(sort <<<"$present") == "$(sort <<<"$unpacked")" ]]
}

# The folder that this run has unpacked.
UNPACKED_FOLDER=

ensure_unpacked() { # FOLDER MODULE-TYPE RECORD
  local bytes
  if has_record "$1" "$3"; then
    remove_leftovers
    return 0
  fi
  bytes=$(unpacked_bytes "$2")
  remove_leftovers
  check_space "$DRIVERS_DIR" "$bytes"
  log "unpacking $1 ($2), $((bytes >> 20)) MiB"
  AT_EXIT+=(remove_partial)
  run mkdir -p -- "$PARTIAL_DIR"
  unpack_archives "$2" "$PARTIAL_DIR"
  index_modules "$PARTIAL_DIR"
  # NVIDIA's device plugin searches libraries of a driver in folders of this name (lookup in github.com/NVIDIA/nvidia-container-toolkit).
  run ln -sfn lib "$PARTIAL_DIR/lib64"
  run write_content "$PARTIAL_DIR/$RECORD_FILE" "$3"
  run write_listing
  run sync --file-system "$PARTIAL_DIR"
  run mv -T -- "$PARTIAL_DIR" "$DRIVERS_DIR/$1"
  run sync "$DRIVERS_DIR"
  # shellcheck disable=SC2034 # used in restore.sh and report.sh
  UNPACKED_FOLDER=$1 INSTALLED=true
}

remove_partial() {
  [[ ! -e $PARTIAL_DIR ]] || rm -rf -- "$PARTIAL_DIR" || true
}

# .replaced and .current are leftovers of version 1.0.
remove_leftovers() {
  run rm -rf -- "$PARTIAL_DIR" "$REMOVED_DIR" "$NEXT_LINK" "$DRIVERS_DIR/.replaced" "$DRIVERS_DIR/.current"
}

write_listing() {
  list_files "$PARTIAL_DIR" >"$PARTIAL_DIR/$LISTING_FILE"
}

# Prints the folder that a link leads to; nothing if it has no driver. It starts no program.
linked_folder() { # LINK
  local folder
  [[ -f $DRIVERS_DIR/$1/$RECORD_FILE ]] || return 0
  for folder in "$DRIVERS_DIR"/[0-9]*; do
    if [[ $folder -ef $DRIVERS_DIR/$1 ]]; then
      printf '%s' "${folder##*/}"
      return 0
    fi
  done
}

ensure_current() { # FOLDER
  local present
  present=$(linked_folder current)
  [[ $present != "$1" ]] || return 0
  [[ -z $present ]] || ! is_intact "$present" || set_link previous "$present"
  set_link current "$1"
  log "$INSTALL_ROOT/current is now $1"
}

# Replaces a link atomically, by a rename.
set_link() { # LINK FOLDER
  run ln -sfn -- "$2" "$NEXT_LINK"
  run mv -T -- "$NEXT_LINK" "$DRIVERS_DIR/$1"
  run sync "$DRIVERS_DIR"
}

# Removes old drivers, and stops their daemons first: one may still run if only files have changed. The previous driver stays, so
# its image can reinstall it without unpacking.
remove_old_drivers() {
  local folder current previous
  current=$(linked_folder current)
  previous=$(linked_folder previous)
  for folder in "$DRIVERS_DIR"/*; do
    folder=${folder##*/}
    [[ -f $DRIVERS_DIR/$folder/$RECORD_FILE && ! -L $DRIVERS_DIR/$folder ]] || continue
    [[ $folder != "$current" && $folder != "$previous" ]] || continue
    stop_daemons "$DRIVERS_DIR/$folder"
    try "$folder stays on the disk" remove_folder "$folder" || continue
    log "removed $folder, which is neither the current nor the previous driver"
  done
}

remove_folder() { # FOLDER
  run mv -T -- "$DRIVERS_DIR/$1" "$REMOVED_DIR"
  run rm -rf -- "$REMOVED_DIR"
}
