# shellcheck shell=bash
# Which of NVIDIA's two kinds of kernel modules this node gets. Sources:
#   https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/kernel-modules.html: open modules are the default
#     from 560, and need Turing or newer; Maxwell, Pascal and Volta need the proprietary ones.
#   https://developer.nvidia.com/blog/nvidia-transitions-fully-towards-open-source-gpu-kernel-modules/: Blackwell works
#     with the open ones only; a node with older and newer GPUs stays with the proprietary ones.
#   https://pci-ids.ucw.cz/read/PC/10de: ids grow with the generations; Turing begins at 1e00, Blackwell at 2900.
readonly FIRST_OPEN_BRANCH=560
readonly TURING=0x1e00
readonly BLACKWELL=0x2900

# Prints the module type to install. What is asked for by name is obeyed, if the image has it.
module_type() {
  local wanted=$KERNEL_MODULE_TYPE type
  if [[ $wanted == auto && $OPEN_KERNEL_MODULES_ENABLED == true ]]; then wanted=open; fi
  if [[ $wanted != auto ]]; then
    in_image "$wanted" || fail "$EXIT_NO_MODULE_TYPE" \
      "this image has no $wanted modules, only: ${IMAGE[MODULE_TYPES]}; change KERNEL_MODULE_TYPE"
    drives_all_gpus "$wanted" || say "KERNEL_MODULE_TYPE=$wanted is obeyed, but $(gpus_in_words) will not work with it"
    printf '%s' "$wanted"
    return 0
  fi
  for type in $(types_by_branch); do
    if in_image "$type" && drives_all_gpus "$type"; then
      printf '%s' "$type"
      return 0
    fi
  done
  fail "$EXIT_NO_MODULE_TYPE" \
    "none of this image's module types (${IMAGE[MODULE_TYPES]}) can drive all of this node's GPUs: $(gpus_in_words)"
}

in_image() { # MODULE-TYPE
  [[ " ${IMAGE[MODULE_TYPES]} " == *" $1 "* ]]
}

# Prints both types, the better one first.
types_by_branch() {
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

gpus_in_words() {
  local gpu words=
  for gpu in "${GPUS[@]}"; do
    words+="${words:+, }$(printf '10de:%04x at %s' "${DEVICE_IDS[$gpu]}" "$gpu")"
  done
  printf '%s' "$words"
}
