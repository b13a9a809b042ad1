# shellcheck shell=bash
# Selects open or proprietary kernel modules for this node's GPUs. Source of the preference:
#   https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/kernel-modules.html: open modules are the default from 560.
# On arm64 they are preferred with any branch: GH200 and newer have no others.
readonly FIRST_OPEN_BRANCH=560

MODULE_TYPE=

# Sets MODULE_TYPE to the type to install, or ends the run. An explicit type wins if the image has it and it drives a GPU.
choose_module_type() {
  local wanted=$KERNEL_MODULE_TYPE type
  read_fits
  if [[ $wanted == auto && $OPEN_KERNEL_MODULES_ENABLED == true ]]; then wanted=open; fi
  if [[ $wanted != auto ]]; then
    check_wanted_type "$wanted"
    MODULE_TYPE=$wanted
    return 0
  fi
  for type in $(preferred_types); do
    if image_has_type "$type" && [[ -z $(gpus_without "$type") ]]; then
      # shellcheck disable=SC2034 # used in install.sh and unpack.sh
      MODULE_TYPE=$type
      return 0
    fi
  done
  fail_for_gpus
}

check_wanted_type() { # MODULE-TYPE
  local -a others
  image_has_type "$1" || fail "$EXIT_NO_MODULE_TYPE" \
    "this image has no $1 modules, only: ${IMAGE[MODULE_TYPES]}; change KERNEL_MODULE_TYPE"
  mapfile -t others < <(gpus_without "$1")
  ((${#others[@]} > 0)) || return 0
  ((${#others[@]} < ${#GPUS[@]})) || fail "$EXIT_NO_MODULE_TYPE" \
    "the $1 modules of driver ${IMAGE[DRIVER_VERSION]} drive no GPU of this node: $(describe_needs "${others[@]}"); \
change KERNEL_MODULE_TYPE, or use another image"
  log "KERNEL_MODULE_TYPE=$1 is set, but does not work with all GPUs of this node: $(describe_needs "${others[@]}")"
}

# Names the GPUs that fit no type of the image, or else those that fit only one.
fail_for_gpus() {
  local type some=''
  local -a misfits others
  for type in $(preferred_types); do
    image_has_type "$type" || continue
    mapfile -t others < <(gpus_without "$type")
    ((${#others[@]} == ${#GPUS[@]})) || some=${some:-$type}
  done
  mapfile -t misfits < <(gpus_without "${IMAGE[MODULE_TYPES]// /|}")
  ((${#misfits[@]} > 0)) || mapfile -t misfits < <(gpus_with_one_type)
  fail "$EXIT_NO_MODULE_TYPE" "driver ${IMAGE[DRIVER_VERSION]} of this image (modules: ${IMAGE[MODULE_TYPES]// /, }) cannot drive all \
of this node's GPUs: $(describe_needs "${misfits[@]}"); use another image${some:+, or set KERNEL_MODULE_TYPE=$some to drive the others}"
}

image_has_type() { # MODULE-TYPE
  [[ " ${IMAGE[MODULE_TYPES]} " == *" $1 "* ]]
}

# Prints both types, the preferred one first.
preferred_types() {
  if [[ ${IMAGE[ARCHITECTURE]} == arm64 ]] || ((10#${IMAGE[DRIVER_VERSION]%%.*} >= FIRST_OPEN_BRANCH)); then
    printf 'open proprietary'
  else
    printf 'proprietary open'
  fi
}

# Prints a line for each GPU that none of the types drives.
gpus_without() { # MODULE-TYPE[|MODULE-TYPE]
  local gpu
  for gpu in "${GPUS[@]}"; do
    [[ ${FITS[$gpu]} =~ $1 ]] || printf '%s\n' "$gpu"
  done
}

gpus_with_one_type() {
  local gpu
  for gpu in "${GPUS[@]}"; do
    [[ ${FITS[$gpu]} == *" "* ]] || printf '%s\n' "$gpu"
  done
}
