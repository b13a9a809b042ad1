# shellcheck shell=bash
# What the kernel has loaded, and whether it is the driver of a folder or of the image.

# nvidia-uvm stands last: once all the required ones are loaded, the optional ones have been tried.
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

# Prints what the kernel says of the loaded nvidia.ko; nothing if it does not say.
loaded_value() { # version|srcversion
  local value=
  { read -r value <"$SYSFS_ROOT/module/nvidia/$1"; } 2>/dev/null || true
  printf '%s' "$value"
}

loaded_version() {
  local version
  is_loaded nvidia || return 0
  version=$(loaded_value version)
  printf '%s' "${version:-of an unknown version}"
}

module_file() { # FOLDER MODULE
  printf '%s' "$STORE/$1/lib/modules/${IMAGE[KERNEL_RELEASE]}/kernel/drivers/video/nvidia/$2.ko"
}

# A hash of the module's sources, by which the kernel tells modules of one version apart (MODULE_VERSION in the kernel's
# include/linux/module.h): open from proprietary, patched from plain.
packed_srcversion() { # MODULE-TYPE
  packed_module "$1" | grep --text --only-matching --max-count=1 -E 'srcversion=[0-9A-F]+' || true
}

# Prints absent, same or different, for the driver of the image.
loaded_state() { # FOLDER MODULE-TYPE RECORD
  local loaded wanted
  is_loaded nvidia || { printf 'absent' && return 0; }
  [[ $(loaded_value version) == "${IMAGE[DRIVER_VERSION]}" ]] || { printf 'different' && return 0; }
  loaded=$(loaded_value srcversion)
  if [[ -z $loaded ]]; then
    wanted=
  elif has_record "$1" "$3"; then
    wanted=$(modinfo -F srcversion "$(module_file "$1" nvidia)")
  else
    wanted=$(packed_srcversion "$2")
    wanted=${wanted#*=}
  fi
  if [[ $loaded == "$wanted" ]]; then printf 'same'; else printf 'different'; fi
}

# Whether the loaded nvidia.ko is the one in a folder.
is_loaded_from() { # FOLDER
  local file
  is_loaded nvidia || return 1
  for file in "$STORE/$1"/lib/modules/*/kernel/drivers/video/nvidia/nvidia.ko; do
    [[ -f $file ]] || continue
    [[ $(modinfo -F srcversion "$file") == "$(loaded_value srcversion)" ]] || continue
    [[ $(modinfo -F version "$file") == "$(loaded_value version)" ]] || continue
    return 0
  done
  return 1
}
