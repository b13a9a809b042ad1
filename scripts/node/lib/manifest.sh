# shellcheck shell=bash
# What the image says of itself: manifest.env, lines of KEY=VALUE. They are read, never evaluated.

readonly MANIFEST=$NVIDIA_INSTALLER_HOME/manifest.env
declare -A IMAGE=()

# Reads a file of KEY=VALUE lines into an associative array; other lines and doubled keys are damage.
read_env() { # FILE ARRAY
  local -n into=$2
  local line
  [[ -f $1 && -r $1 ]] || fail "$EXIT_DAMAGED_IMAGE" "$1 is missing"
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line =~ ^([A-Z][A-Z0-9_]*)=([A-Za-z0-9._+~:@/\ -]*)$ && ! -v into[${BASH_REMATCH[1]}] ]] ||
      fail "$EXIT_DAMAGED_IMAGE" "$1 is damaged: '$line' is not KEY=VALUE, or is there twice"
    # shellcheck disable=SC2004 # a word and not a number: the array is associative
    into[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
  done <"$1"
}

# Values become parts of paths, hence the narrow form.
read_image() {
  local key
  read_env "$MANIFEST" IMAGE
  for key in DRIVER_VERSION KERNEL_RELEASE ARCHITECTURE OS_RELEASE IMAGE_TAG; do
    [[ ${IMAGE[$key]:-} =~ ^[A-Za-z0-9][A-Za-z0-9._+~-]*$ ]] ||
      fail "$EXIT_DAMAGED_IMAGE" "$MANIFEST is damaged: it has no usable $key"
  done
  [[ ${IMAGE[MODULE_TYPES]:-} =~ ^(open|proprietary)(\ (open|proprietary))*$ ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "$MANIFEST is damaged: it has no usable MODULE_TYPES"
}

# Prints the module type to install.
module_type() {
  local type=$KERNEL_MODULE_TYPE
  [[ $type != auto ]] || type=${IMAGE[MODULE_TYPES]%% *}
  [[ " ${IMAGE[MODULE_TYPES]} " == *" $type "* ]] || fail "$EXIT_NO_MODULE_TYPE" \
    "this image has no $type modules, only: ${IMAGE[MODULE_TYPES]}; change KERNEL_MODULE_TYPE"
  printf '%s' "$type"
}
