# shellcheck shell=bash
# nvidia-installer status: three lines for a person, changing nothing.

status_command() {
  [[ $# == 0 ]] || usage_error "status takes no arguments, but got: $*"
  local installed loaded
  installed=$(installed_driver)
  loaded=$(loaded_version)
  printf 'image: %s (%s)\n' "${IMAGE[IMAGE_TAG]}" "${IMAGE[MODULE_TYPES]}"
  printf 'installed: %s\n' "${installed:-none}"
  printf 'loaded: %s\n' "${loaded:-none}"
}

# Prints what `current` leads to; nothing if it leads nowhere.
installed_driver() {
  local -r file=$STORE/current/$RECORD
  local -A current=()
  [[ -e $file ]] || return 0
  read_env "$file" current
  printf '%s for %s (%s)' "${current[DRIVER_VERSION]:-}" "${current[KERNEL_RELEASE]:-}" "${current[MODULE_TYPE]:-}"
}
