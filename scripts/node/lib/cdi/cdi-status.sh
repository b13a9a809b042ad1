# shellcheck shell=bash
# The state of the CDI specifications, for `status` and the reports.

# The reasons why an engine cannot use a specification, in the order in which they are checked.
declare -rA CDI_PROBLEMS=(
  [no_gpu]="the driver has no GPU"
  [not_ready]="the driver is not ready"
  [gpu_operator]="nvidia-driver leaves CDI to the GPU Operator's toolkit"
  [other_file]="another file describes the same devices"
  [not_written]="install or wait could not write it; see its log"
)

# The kinds of the specifications that exist, and for each wanted kind its problem, and the file of another program.
declare -a CDI_EXISTING=()
declare -A CDI_PROBLEM=() CDI_OTHER=()

# Sets these from STATUS and the files.
read_cdi_status() {
  local kind
  find_cdi_kinds
  for kind in "${CDI_WANTED[@]}"; do
    find_other_cdi_file "$kind"
    CDI_OTHER[$kind]=$OTHER_CDI_FILE
    find_cdi_problem "$kind"
  done
}

# Sets CDI_EXISTING. A damaged file has no kind.
find_cdi_kinds() {
  local -r pattern='"kind": "([a-z0-9./_-]+)"'
  local file
  CDI_EXISTING=()
  for file in "$CDI_PREFIX"*.json; do
    if read_text "$file" && [[ $TEXT =~ $pattern ]]; then CDI_EXISTING+=("${BASH_REMATCH[1]}"); fi
  done
}

find_cdi_problem() { # KIND
  CDI_PROBLEM[$1]=
  if ((${#GPUS[@]} == 0)); then
    CDI_PROBLEM[$1]=no_gpu
  elif [[ ${STATUS[ready]} != true ]]; then
    CDI_PROBLEM[$1]=not_ready
  elif [[ -n ${CDI_OTHER[$1]} ]]; then
    CDI_PROBLEM[$1]=other_file
  elif has_cdi_kind "$1"; then
    return 0
  elif [[ " ${DEVICES[*]}" != *" nvidia"[0-9]* ]]; then
    CDI_PROBLEM[$1]=no_gpu
  elif is_mounted; then
    CDI_PROBLEM[$1]=gpu_operator
  else
    CDI_PROBLEM[$1]=not_written
  fi
}

has_cdi_kind() { # KIND
  [[ " ${CDI_EXISTING[*]} " == *" $1 "* ]]
}

# Prints a line for each kind. A specification of a kind that CDI_KINDS does not name stays until the next run.
print_cdi_status() {
  local kind state reason
  read_cdi_status
  ((${#CDI_WANTED[@]} > 0)) || printf 'cdi: off\n'
  for kind in "${CDI_WANTED[@]}"; do
    state=missing reason=${CDI_PROBLEM[$kind]}
    if has_cdi_kind "$kind"; then state=written; fi
    if [[ $reason == other_file ]]; then
      reason="${CDI_OTHER[$kind]} describes the same devices"
      make_printable reason
    else
      reason=${reason:+${CDI_PROBLEMS[$reason]}}
    fi
    printf 'cdi %s: %s%s\n' "$kind" "$state" "${reason:+ ($reason)}"
  done
  for kind in "${CDI_EXISTING[@]}"; do
    [[ " ${CDI_WANTED[*]} " == *" $kind "* ]] || printf 'cdi %s: written, but not in CDI_KINDS\n' "$kind"
  done
}
