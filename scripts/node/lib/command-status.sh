# shellcheck shell=bash
# nvidia-installer status: what is, changing nothing. Its exit code is 0 only if what `current` says is loaded and ready.

declare -A STATUS=()

status_command() { # [--json | --quiet]
  case "$*" in
    "" | --json | --quiet) ;;
    *) usage_error "status knows --json and --quiet only, not: $*" ;;
  esac
  read_bus
  read_status "$@"
  case "$*" in
    "") print_status ;;
    --json) print_status_json ;;
  esac
  [[ ${STATUS[ready]} == true ]] || exit "$EXIT_NOT_READY"
}

# The four states, and what install does in each:
#   absent          loads the driver
#   same            nothing, or what is missing for readiness
#   different-idle  unloads what is loaded, and loads the image's driver
#   different-busy  refuses (21)
read_status() { # [--json | --quiet]
  local -A record=()
  local folder
  folder=$(linked_folder current)
  # shellcheck disable=SC2153 # RECORD is a file's name
  [[ -z $folder ]] || read_env "$STORE/$folder/$RECORD" record
  STATUS=([folder]=$folder [driver]=${record[DRIVER_VERSION]:-} [kernel]=${record[KERNEL_RELEASE]:-}
    [type]=${record[MODULE_TYPE]:-} [image]=${record[IMAGE_TAG]:-} [users]='' [ready]=false [complete]=false [state]=absent)
  STATUS[loaded]=$(loaded_version)
  STATUS[srcversion]=$(loaded_value srcversion)
  STATUS[of_image]=false
  if [[ ${1:-} != --quiet ]]; then
    if [[ -n $folder ]] && has_record "$folder" "$(record_of "${STATUS[type]}")"; then STATUS[of_image]=true; fi
    if [[ -n ${STATUS[loaded]} ]]; then STATUS[users]=$(users_in_words); fi
  fi
  if are_loaded "${REQUIRED[@]}"; then STATUS[complete]=true; fi
  if [[ -n $folder ]] && is_loaded_from "$folder"; then
    STATUS[state]=same
    if [[ ${STATUS[complete]} == true ]] && is_ready "$folder"; then STATUS[ready]=true; fi
  elif [[ -n ${STATUS[loaded]} ]]; then
    STATUS[state]=different-${STATUS[users]:+busy}
    [[ -n ${STATUS[users]} ]] || STATUS[state]=different-idle
  fi
}

print_status() {
  local user
  printf 'image: %s (%s)\n' "${IMAGE[IMAGE_TAG]}" "${IMAGE[MODULE_TYPES]}"
  if [[ -n ${STATUS[folder]} ]]; then
    printf 'installed: %s for %s (%s)\n' "${STATUS[driver]}" "${STATUS[kernel]}" "${STATUS[type]}"
  else
    printf 'installed: none\n'
  fi
  printf 'loaded: %s\n' "${STATUS[loaded]:-none}"
  printf 'state: %s\n' "${STATUS[state]}"
  while IFS= read -r user; do
    [[ -z $user ]] || printf 'used by: %s\n' "$user"
  done <<<"${STATUS[users]}"
  printf 'gpus: %d, nvswitches: %d\n' "${#GPUS[@]}" "${#NVSWITCHES[@]}"
  printf 'persistence daemon: %s\nfabric manager: %s\n' "$(persistence_state)" "$(fabric_state)"
  printf 'ready: %s\n' "${STATUS[ready]}"
}
