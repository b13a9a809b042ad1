# shellcheck shell=bash
# nvidia-installer install: the driver on the host, current and loaded.
#
# A killed run leaves only names that begin with a dot, which the next run removes: whatever has a plain name is whole.

readonly PARTIAL=$STORE/.unpacking
readonly REPLACED=$STORE/.replaced
readonly NEXT_LINK=$STORE/.current
readonly RECORD=installed.env

install_command() { # [--no-load]
  local -r name=${IMAGE[DRIVER_VERSION]}-${IMAGE[KERNEL_RELEASE]}
  local load=true type record
  case "$*" in
    "") ;;
    --no-load) load=false ;;
    *) usage_error "install knows --no-load only, not: $*" ;;
  esac
  check_root
  check_architecture
  if "$load"; then check_kernel; fi
  check_host_root
  type=$(module_type)
  record=$(record_of "$type")
  take_lock
  if "$load"; then check_loaded; fi
  ensure_unpacked "$name" "$type" "$record"
  ensure_current "$name"
  if "$load"; then
    set_firmware_path "$name"
    load_modules "$name"
  fi
  say "driver $name ($type) is installed in $INSTALL_ROOT"
}

# Prints what tells installations of the same name apart: an image that was built anew, or the other module type.
record_of() { # MODULE-TYPE
  local -r file=$NVIDIA_INSTALLER_HOME/manifest.json
  local digest
  [[ -f $file && -r $file ]] || fail "$EXIT_DAMAGED_IMAGE" "$file is missing; pull the image anew"
  digest=$(sha256sum <"$file")
  printf '%s\nMODULE_TYPE=%s\nMANIFEST_SHA256=%s\n' "$(<"$MANIFEST")" "$1" "${digest%% *}"
}

ensure_unpacked() { # NAME MODULE-TYPE RECORD
  local bytes
  if [[ -f $STORE/$1/$RECORD && $(<"$STORE/$1/$RECORD") == "$3" ]]; then
    remove_leftovers
    return
  fi
  bytes=$(unpacked_bytes "$2")
  remove_leftovers
  check_space "$STORE" "$bytes"
  say "unpacking $1 ($2), $((bytes >> 20)) MiB"
  trap 'rm -rf -- "$PARTIAL"' EXIT
  run mkdir -p -- "$PARTIAL"
  unpack_archives "$2" "$PARTIAL"
  index_modules "$PARTIAL"
  run write_record "$3"
  run sync --file-system "$PARTIAL"
  # A folder cannot take the place of another in one step: for a moment the name is missing and `current` leads nowhere.
  if [[ -e $STORE/$1 ]]; then run mv -T -- "$STORE/$1" "$REPLACED"; fi
  run mv -T -- "$PARTIAL" "$STORE/$1"
  run sync "$STORE"
  remove_leftovers
}

remove_leftovers() {
  run rm -rf -- "$PARTIAL" "$REPLACED"
}

write_record() { # RECORD
  printf '%s\n' "$1" >"$PARTIAL/$RECORD"
}

# A link cannot be changed in place, but a new one can take its name in one step.
ensure_current() { # NAME
  if [[ -L $STORE/current && $(readlink -- "$STORE/current") == "$1" ]]; then return; fi
  run ln -sfn -- "$1" "$NEXT_LINK"
  run mv -T -- "$NEXT_LINK" "$STORE/current"
  run sync "$STORE"
  say "$INSTALL_ROOT/current is now $1"
}
