# shellcheck shell=bash
# Selects open or proprietary kernel modules for this node. Sources:
#   https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/kernel-modules.html: open modules are the default
#     from 560 and need Turing or newer. Maxwell, Pascal and Volta need proprietary modules.
#   https://developer.nvidia.com/blog/nvidia-transitions-fully-towards-open-source-gpu-kernel-modules/: Blackwell needs
#     open modules. A node with older and newer GPUs uses proprietary modules.
#   https://pci-ids.ucw.cz/read/PC/10de: ids grow with the generations. Turing begins at 1e00, Blackwell at 2900.
readonly FIRST_OPEN_BRANCH=560
readonly TURING=0x1e00
readonly BLACKWELL=0x2900

# Prints the module type to install. An explicit type wins if the image has it.
module_type() {
  local wanted=$KERNEL_MODULE_TYPE type
  if [[ $wanted == auto && $OPEN_KERNEL_MODULES_ENABLED == true ]]; then wanted=open; fi
  if [[ $wanted != auto ]]; then
    image_has_type "$wanted" || fail "$EXIT_NO_MODULE_TYPE" \
      "this image has no $wanted modules, only: ${IMAGE[MODULE_TYPES]}; change KERNEL_MODULE_TYPE"
    drives_all_gpus "$wanted" || log "KERNEL_MODULE_TYPE=$wanted is set, but does not work with all GPUs of this node: $(describe_gpus)"
    printf '%s' "$wanted"
    return 0
  fi
  for type in $(preferred_types); do
    if image_has_type "$type" && drives_all_gpus "$type"; then
      printf '%s' "$type"
      return 0
    fi
  done
  fail "$EXIT_NO_MODULE_TYPE" \
    "none of this image's module types (${IMAGE[MODULE_TYPES]}) can drive all of this node's GPUs: $(describe_gpus)"
}

image_has_type() { # MODULE-TYPE
  [[ " ${IMAGE[MODULE_TYPES]} " == *" $1 "* ]]
}

# Prints both types, the preferred one first.
preferred_types() {
  if ((10#${IMAGE[DRIVER_VERSION]%%.*} >= FIRST_OPEN_BRANCH)); then
    printf 'open proprietary'
  else
    printf 'proprietary open'
  fi
}

drives_all_gpus() { # MODULE-TYPE
  local gpu
  for gpu in "${GPUS[@]}"; do
    case $1 in
      open) ((${DEVICE_IDS[$gpu]} >= TURING)) || return 1 ;;
      proprietary) ((${DEVICE_IDS[$gpu]} < BLACKWELL)) || return 1 ;;
    esac
  done
}

describe_gpus() {
  local gpu words=
  for gpu in "${GPUS[@]}"; do
    words+="${words:+, }$(printf '10de:%04x at %s' "${DEVICE_IDS[$gpu]}" "$gpu")"
  done
  printf '%s' "$words"
}
