# shellcheck shell=bash
# nvidia-installer status: prints the state and changes nothing. The exit code is 0 only if the driver at `current` is loaded
# and ready.

declare -A STATUS=()

status_command() { # [--json | --quiet]
  case "$*" in
    "" | --json | --quiet) ;;
    *) usage_error "status has only the options --json and --quiet, but got: $*" ;;
  esac
  scan_pci_bus
  read_status "$@"
  case "$*" in
    "") print_status ;;
    --json) print_status_json ;;
  esac
  [[ ${STATUS[ready]} == true ]] || exit "$EXIT_NOT_READY"
}

# Sets STATUS. The four states, and the action of install in each:
#   absent          load the driver
#   same            do nothing, or the steps that are missing for readiness
#   different-idle  unload the other driver, and load the image's
#   different-busy  refuse with exit code 21
read_status() { # [--json | --quiet]
  local -A record=()
  local folder
  folder=$(linked_folder current)
  [[ -z $folder ]] || read_env "$DRIVERS_DIR/$folder/$RECORD_FILE" record
  STATUS=([folder]=$folder [driver]=${record[DRIVER_VERSION]:-} [kernel]=${record[KERNEL_RELEASE]:-}
    [type]=${record[MODULE_TYPE]:-} [image]=${record[IMAGE_TAG]:-} [loaded]='' [srcversion]='' [users]='' [ready]=false [complete]=false [state]=absent [problem]='')
  if is_loaded nvidia; then
    read_loaded
    STATUS[loaded]=${LOADED_VERSION:-of an unknown version} STATUS[srcversion]=$LOADED_SRCVERSION
  fi
  STATUS[of_image]=false
  if [[ ${1:-} != --quiet ]]; then
    if [[ -n $folder ]] && has_record "$folder" "$(record_for "${STATUS[type]}")"; then STATUS[of_image]=true; fi
    if [[ -n ${STATUS[loaded]} ]]; then STATUS[users]=$(describe_users); fi
  fi
  if are_loaded "${REQUIRED[@]}"; then STATUS[complete]=true; fi
  if [[ -n $folder ]] && is_loaded_from "$folder"; then
    STATUS[state]=same
  elif [[ -n ${STATUS[loaded]} ]]; then
    STATUS[state]=different-${STATUS[users]:+busy}
    [[ -n ${STATUS[users]} ]] || STATUS[state]=different-idle
  fi
  find_problem "$folder"
  [[ -n ${STATUS[problem]} ]] || STATUS[ready]=true
}

# The reasons for which a driver is not ready, in the order in which they are checked.
declare -rA PROBLEMS=(
  [not_installed]="no driver is installed"
  [not_loaded]="the driver is not loaded"
  [other_driver_loaded]="another driver is loaded"
  [modules_missing]="a required module is not loaded"
  [files_changed]="files of the driver are missing or were changed"
  [device_files_missing]="device files are missing in the host's /dev"
  [fabric_manager_missing]="the image has no fabric manager, which this node needs"
  [fabric_manager_stopped]="the fabric manager does not run"
  [not_finished]="the installation did not finish"
)

# Sets STATUS[problem] to the first reason for which a job could not run; empty if the driver is ready.
find_problem() { # FOLDER
  if [[ -z $1 ]]; then
    STATUS[problem]=not_installed
  elif [[ ${STATUS[state]} == absent ]]; then
    STATUS[problem]=not_loaded
  elif [[ ${STATUS[state]} != same ]]; then
    STATUS[problem]=other_driver_loaded
  elif [[ ${STATUS[complete]} == false ]]; then
    STATUS[problem]=modules_missing
  elif ! is_intact "$1"; then
    STATUS[problem]=files_changed
  elif ! has_device_files; then
    STATUS[problem]=device_files_missing
  elif ! needed_daemons_run; then
    STATUS[problem]=fabric_manager_$(fabric_state)
  elif ! is_ready "$1"; then
    STATUS[problem]=not_finished
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
    make_printable user
    [[ -z $user ]] || printf 'used by: %s\n' "$user"
  done <<<"${STATUS[users]}"
  printf 'gpus: %d, nvswitches: %d\n' "${#GPUS[@]}" "${#NVSWITCHES[@]}"
  ((${#GUEST_GPUS[@]} == 0)) || printf 'guest gpus: %d\n' "${#GUEST_GPUS[@]}"
  printf 'persistence daemon: %s\nfabric manager: %s\n' "$(persistence_state)" "$(fabric_state)"
  print_cdi_status
  read_failure
  ((${#FAILURE[@]} == 0)) ||
    printf 'last failure: %s, exit code %s (%s): %s\n' "${FAILURE[@]}"
  printf 'ready: %s\n' "${STATUS[ready]}"
  [[ -z ${STATUS[problem]} ]] || printf 'problem: %s\n' "${PROBLEMS[${STATUS[problem]}]}"
}
