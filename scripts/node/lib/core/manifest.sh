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

readonly JSON_MANIFEST=$NVIDIA_INSTALLER_HOME/manifest.json

IMAGE_DIGEST=

# Sets IMAGE_DIGEST, which identifies the image.
read_digest() {
  [[ -z $IMAGE_DIGEST ]] || return 0
  [[ -f $JSON_MANIFEST && -r $JSON_MANIFEST ]] || fail "$EXIT_DAMAGED_IMAGE" "$JSON_MANIFEST is missing; pull the image again"
  IMAGE_DIGEST=$(sha256sum <"$JSON_MANIFEST")
  IMAGE_DIGEST=${IMAGE_DIGEST%% *}
}

# Prints the record of an installation. It differs for a rebuilt image and for the other module type.
record_for() { # MODULE-TYPE
  read_digest
  printf '%s\nMODULE_TYPE=%s\nMANIFEST_SHA256=%s\n' "$(<"$MANIFEST")" "$1" "$IMAGE_DIGEST"
}

# Succeeds if the driver in the image has a file. The manifest lists the files by path.
image_has_file() { # PATH
  grep -qF "\"$1\":" "$JSON_MANIFEST"
}
