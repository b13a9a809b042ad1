# shellcheck shell=bash
# The folder of installed drivers.
#
# A killed run leaves only names that begin with a dot, which the next run removes: whatever has a plain name is whole.
# A folder is never replaced: where a driver of the same name but with another record is in place, the new one gets the
# next free name (<name>.2), so that `current` leads to a whole driver at every moment.

readonly PARTIAL=$STORE/.unpacking
readonly REMOVED=$STORE/.removing
readonly NEXT_LINK=$STORE/.link
readonly RECORD=installed.env

# Prints the folder that has this record, or else the one that it will get.
folder_of() { # NAME RECORD
  local folder
  local -i number=1
  for folder in "$STORE/$1" "$STORE/$1".[0-9]*; do
    if has_record "${folder##*/}" "$2"; then
      printf '%s' "${folder##*/}"
      return 0
    fi
  done
  folder=$1
  while [[ -e $STORE/$folder ]]; do
    number+=1
    folder=$1.$number
  done
  printf '%s' "$folder"
}

has_record() { # FOLDER RECORD
  [[ -f $STORE/$1/$RECORD && $(<"$STORE/$1/$RECORD") == "$2" ]]
}

ensure_unpacked() { # FOLDER MODULE-TYPE RECORD
  local bytes
  if has_record "$1" "$3"; then
    remove_leftovers
    return 0
  fi
  bytes=$(unpacked_bytes "$2")
  remove_leftovers
  check_space "$STORE" "$bytes"
  say "unpacking $1 ($2), $((bytes >> 20)) MiB"
  AT_EXIT+=(remove_partial)
  run mkdir -p -- "$PARTIAL"
  unpack_archives "$2" "$PARTIAL"
  index_modules "$PARTIAL"
  run write_record "$3"
  run sync --file-system "$PARTIAL"
  run mv -T -- "$PARTIAL" "$STORE/$1"
  run sync "$STORE"
  # shellcheck disable=SC2034 # used in report.sh
  INSTALLED=true
}

remove_partial() {
  [[ ! -e $PARTIAL ]] || rm -rf -- "$PARTIAL" || true
}

# .replaced and .current are what version 1.0 left.
remove_leftovers() {
  run rm -rf -- "$PARTIAL" "$REMOVED" "$NEXT_LINK" "$STORE/.replaced" "$STORE/.current"
}

write_record() { # RECORD
  printf '%s\n' "$1" >"$PARTIAL/$RECORD"
}

# Prints the folder that a link leads to; nothing where there is no such driver.
linked_folder() { # LINK
  local folder
  folder=$(readlink -- "$STORE/$1" 2>/dev/null) || return 0
  [[ ! -f $STORE/$folder/$RECORD ]] || printf '%s' "$folder"
}

ensure_current() { # FOLDER
  local present
  present=$(linked_folder current)
  [[ $present != "$1" ]] || return 0
  [[ -z $present ]] || set_link previous "$present"
  set_link current "$1"
  say "$INSTALL_ROOT/current is now $1"
}

# A link cannot be changed in place, but a new one can take its name in one step.
set_link() { # LINK FOLDER
  run ln -sfn -- "$2" "$NEXT_LINK"
  run mv -T -- "$NEXT_LINK" "$STORE/$1"
  run sync "$STORE"
}

# The driver before the current one stays, so that its image can bring it back without unpacking.
remove_old_drivers() {
  local folder current previous
  current=$(linked_folder current)
  previous=$(linked_folder previous)
  for folder in "$STORE"/*; do
    folder=${folder##*/}
    [[ -f $STORE/$folder/$RECORD && ! -L $STORE/$folder ]] || continue
    [[ $folder != "$current" && $folder != "$previous" ]] || continue
    remove_folder "$folder"
    say "removed $folder, which is neither the current driver nor the one before it"
  done
}

remove_folder() { # FOLDER
  run mv -T -- "$STORE/$1" "$REMOVED"
  run rm -rf -- "$REMOVED"
}
