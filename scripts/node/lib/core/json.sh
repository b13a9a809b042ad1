# shellcheck shell=bash
# Prints the status as one JSON object. The image contains no program that writes JSON.

# Prints a JSON string (RFC 8259). The name of a process may contain any byte.
json_string() { # TEXT
  local text=$1 out='' character code
  local -i i
  for ((i = 0; i < ${#text}; i++)); do
    character=${text:i:1}
    case $character in
      '"' | \\) out+="\\$character" ;;
      [[:cntrl:]] | [!\ -~])
        printf -v code '%d' "'$character"
        printf -v code '\\u%04x' "$((code & 0xff))"
        out+=$code
        ;;
      *) out+=$character ;;
    esac
  done
  printf '"%s"' "$out"
}

# Prints a JSON string, or null for an empty text.
json_value() { # TEXT
  if [[ -n $1 ]]; then json_string "$1"; else printf 'null'; fi
}

json_list() { # LINES
  local line out=
  while IFS= read -r line; do
    [[ -z $line ]] || out+="${out:+, }$(json_string "$line")"
  done <<<"$1"
  printf '[%s]' "$out"
}

print_status_json() {
  printf '{"image": {"tag": %s, "driver": %s, "kernel": %s, "module_types": %s},\n' \
    "$(json_string "${IMAGE[IMAGE_TAG]}")" "$(json_string "${IMAGE[DRIVER_VERSION]}")" \
    "$(json_string "${IMAGE[KERNEL_RELEASE]}")" "$(json_list "${IMAGE[MODULE_TYPES]// /$'\n'}")"
  printf ' "installed": {"folder": %s, "driver": %s, "kernel": %s, "module_type": %s, "of_this_image": %s},\n' \
    "$(json_value "${STATUS[folder]}")" "$(json_value "${STATUS[driver]}")" "$(json_value "${STATUS[kernel]}")" \
    "$(json_value "${STATUS[type]}")" "${STATUS[of_image]}"
  printf ' "loaded": {"version": %s, "srcversion": %s, "complete": %s, "modules": %s},\n' \
    "$(json_value "${STATUS[loaded]}")" "$(json_value "${STATUS[srcversion]}")" "${STATUS[complete]}" \
    "$(json_list "$(loaded_modules)")"
  printf ' "state": %s, "used_by": %s,\n' "$(json_string "${STATUS[state]}")" "$(json_list "${STATUS[users]}")"
  printf ' "gpus": %d, "guest_gpus": %s, "nvswitches": %d, "persistence_daemon": %s, "fabric_manager": %s,\n' \
    "${#GPUS[@]}" "$(json_list "$(printf '%s\n' "${GUEST_GPUS[@]}")")" "${#NVSWITCHES[@]}" "$(json_string "$(persistence_state)")" "$(json_string "$(fabric_state)")"
  print_cdi_json
  printf ' "last_failure": %s, "ready": %s, "problem": %s}\n' "$(json_failure)" "${STATUS[ready]}" \
    "$(json_value "${STATUS[problem]}")"
}

print_cdi_json() {
  local kind problems=
  read_cdi_status
  for kind in "${CDI_WANTED[@]}"; do
    [[ -z ${CDI_PROBLEM[$kind]} ]] || problems+="${problems:+, }$(json_cdi_problem "$kind")"
  done
  printf ' "cdi": {"wanted": %s, "written": %s, "problems": [%s]},\n' "$(json_list "$(printf '%s\n' "${CDI_WANTED[@]}")")" \
    "$(json_list "$(printf '%s\n' "${CDI_EXISTING[@]}")")" "$problems"
}

json_cdi_problem() { # KIND
  printf '{"kind": "%s", "problem": "%s", "file": %s}' "$1" "${CDI_PROBLEM[$1]}" "$(json_value "${CDI_OTHER[$1]}")"
}

json_failure() {
  read_failure
  ((${#FAILURE[@]} > 0)) || { printf 'null' && return 0; }
  printf '{"command": "%s", "exit_code": %d, "reason": %s, "message": %s}' "${FAILURE[0]}" "${FAILURE[1]}" \
    "$(json_string "${FAILURE[2]}")" "$(json_string "${FAILURE[3]}")"
}

loaded_modules() {
  local module
  for module in "${LOAD_ORDER[@]}"; do
    if is_loaded "$module"; then printf '%s\n' "$module"; fi
  done
}
