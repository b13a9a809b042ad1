# shellcheck shell=bash
# nvidia-installer unpack: unpacks the driver into a folder, for inspection.

unpack_command() { # FOLDER
  [[ $# == 1 && -n $1 && $1 != -* ]] || usage_error "unpack takes one folder"
  local type bytes
  [[ ! -e $1 || (-d $1 && -z $(ls -A -- "$1")) ]] || usage_error "$1 is not an empty folder"
  choose_module_type
  type=$MODULE_TYPE
  bytes=$(unpacked_bytes "$type")
  check_space "$1" "$bytes"
  run mkdir -p -- "$1"
  unpack_archives "$type" "$1"
}
