# shellcheck shell=bash
# The image's manifest: manifest.env, with lines of KEY=VALUE. The scripts parse it and never evaluate it.

readonly MANIFEST=$NVIDIA_INSTALLER_HOME/manifest.env
declare -A IMAGE=()

# Reads a file of KEY=VALUE lines into an associative array. Other lines and repeated keys count as damage.
read_env() { # FILE ARRAY
  local -n into=$2
  local line
  [[ -f $1 && -r $1 ]] || fail "$EXIT_DAMAGED_IMAGE" "$1 is missing"
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line =~ ^([A-Z][A-Z0-9_]*)=([A-Za-z0-9._+~:@/\ -]*)$ && ! -v into[${BASH_REMATCH[1]}] ]] ||
      fail "$EXIT_DAMAGED_IMAGE" "$1 is damaged: '$line' is not KEY=VALUE, or repeats a key"
    # shellcheck disable=SC2004 # a word and not a number: the array is associative
    into[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
  done <"$1"
}

# Reads the manifest into IMAGE. Values become parts of paths, so their characters are limited.
read_image() {
  local key
  read_env "$MANIFEST" IMAGE
  for key in DRIVER_VERSION KERNEL_RELEASE ARCHITECTURE OS_RELEASE IMAGE_TAG; do
    [[ ${IMAGE[$key]:-} =~ ^[A-Za-z0-9][A-Za-z0-9._+~-]*$ ]] ||
      fail "$EXIT_DAMAGED_IMAGE" "$MANIFEST is damaged: it has no usable $key"
  done
  [[ ${IMAGE[DRIVER_VERSION]} =~ ^[0-9]+\. ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "$MANIFEST is damaged: it has no usable DRIVER_VERSION"
  [[ ${IMAGE[MODULE_TYPES]:-} =~ ^(open|proprietary)(\ (open|proprietary))*$ ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "$MANIFEST is damaged: it has no usable MODULE_TYPES"
}

# Prints the record of an installation. It differs for a rebuilt image and for the other module type.
record_for() { # MODULE-TYPE
  local -r file=$NVIDIA_INSTALLER_HOME/manifest.json
  local digest
  [[ -f $file && -r $file ]] || fail "$EXIT_DAMAGED_IMAGE" "$file is missing; pull the image again"
  digest=$(sha256sum <"$file")
  printf '%s\nMODULE_TYPE=%s\nMANIFEST_SHA256=%s\n' "$(<"$MANIFEST")" "$1" "${digest%% *}"
}
