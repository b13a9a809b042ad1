# shellcheck shell=bash
# Inspects the loaded modules, and compares them with the driver of a folder or of the image.

# nvidia-uvm is last, so when all required modules are loaded, the optional ones have been tried.
# shellcheck disable=SC2034 # used by the files beside this one
readonly LOAD_ORDER=(nvidia nvidia-modeset nvidia-drm nvidia-peermem nvidia-uvm)
# shellcheck disable=SC2034 # used by the files beside this one
readonly UNLOAD_ORDER=(nvidia-peermem nvidia-drm nvidia-modeset nvidia-uvm nvidia)
# shellcheck disable=SC2034 # used by the files beside this one
readonly REQUIRED=(nvidia nvidia-modeset nvidia-uvm)

is_loaded() { # MODULE
  [[ -d $SYSFS_ROOT/module/${1//-/_} ]]
}

are_loaded() { # MODULE…
  local module
  for module; do
    is_loaded "$module" || return 1
  done
}

LOADED_VERSION=
LOADED_SRCVERSION=

# Sets the two attributes of the loaded nvidia.ko from sysfs; empty if the kernel does not have them.
read_loaded() {
  LOADED_VERSION='' LOADED_SRCVERSION=''
  { read -r LOADED_VERSION <"$SYSFS_ROOT/module/nvidia/version"; } 2>/dev/null || true
  { read -r LOADED_SRCVERSION <"$SYSFS_ROOT/module/nvidia/srcversion"; } 2>/dev/null || true
}

loaded_version() {
  is_loaded nvidia || return 0
  read_loaded
  printf '%s' "${LOADED_VERSION:-of an unknown version}"
}

module_file() { # FOLDER MODULE
  printf '%s' "$DRIVERS_DIR/$1/lib/modules/${IMAGE[KERNEL_RELEASE]}/kernel/drivers/video/nvidia/$2.ko"
}

# Prints the module's srcversion, a hash of its sources (MODULE_VERSION in the kernel's include/linux/module.h). It differs
# between open and proprietary, and between patched and unpatched modules of one version.
archived_srcversion() { # MODULE-TYPE
  archived_module "$1" | grep --text --only-matching --max-count=1 -E 'srcversion=[0-9A-F]+' || true
}

# Compares the loaded driver with the image's. Prints absent, same or different.
loaded_state() { # FOLDER MODULE-TYPE RECORD
  local wanted
  is_loaded nvidia || { printf 'absent' && return 0; }
  read_loaded
  [[ $LOADED_VERSION == "${IMAGE[DRIVER_VERSION]}" ]] || { printf 'different' && return 0; }
  if [[ -z $LOADED_SRCVERSION ]]; then
    wanted=
  elif has_record "$1" "$3"; then
    wanted=$(modinfo -F srcversion "$(module_file "$1" nvidia)")
  else
    wanted=$(archived_srcversion "$2")
    wanted=${wanted#*=}
  fi
  if [[ $LOADED_SRCVERSION == "$wanted" ]]; then printf 'same'; else printf 'different'; fi
}

# Succeeds if the loaded nvidia.ko is the one in a folder.
is_loaded_from() { # FOLDER
  local file about version srcversion
  is_loaded nvidia || return 1
  read_loaded
  for file in "$DRIVERS_DIR/$1"/lib/modules/*/kernel/drivers/video/nvidia/nvidia.ko; do
    [[ -f $file ]] || continue
    about=$'\n'$(modinfo -- "$file")
    version=${about#*$'\nversion:'} srcversion=${about#*$'\nsrcversion:'}
    read -r version <<<"$version"
    read -r srcversion <<<"$srcversion"
    [[ $version != "$LOADED_VERSION" || $srcversion != "$LOADED_SRCVERSION" ]] || return 0
  done
  return 1
}
