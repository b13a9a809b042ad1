# shellcheck shell=bash
# The kernel modules: where they are, what is loaded, loading.

# nvidia-uvm stands last: once all the required ones are loaded, the optional ones have been tried.
readonly LOAD_ORDER=(nvidia nvidia-modeset nvidia-drm nvidia-peermem nvidia-uvm)
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

# Prints the driver's version that the kernel has loaded; nothing if there is none.
loaded_version() {
  local -r file=$SYSFS_ROOT/module/nvidia/version
  if [[ -r $file ]]; then
    printf '%s' "$(<"$file")"
  elif is_loaded nvidia; then
    printf 'of an unknown version'
  fi
}

check_loaded() {
  local version
  version=$(loaded_version)
  [[ -z $version || $version == "${IMAGE[DRIVER_VERSION]}" ]] || fail "$EXIT_OTHER_VERSION_LOADED" \
    "the kernel has driver $version loaded, and the image brings ${IMAGE[DRIVER_VERSION]}; drain and reboot the node"
}

# Writes the index that modprobe needs. depmod ends with 0 even where it could not read a module.
index_modules() { # FOLDER
  local -r kernel=${IMAGE[KERNEL_RELEASE]}
  local output
  [[ -f $1/lib/modules/$kernel/kernel/drivers/video/nvidia/nvidia.ko ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "the modules archive has no nvidia.ko for $kernel; pull the image anew"
  if output=$(depmod -b "$1" "$kernel" 2>&1) && [[ $output != *ERROR:* ]]; then return; fi
  give_up "$EXIT_DAMAGED_IMAGE" "depmod cannot read the modules; pull the image anew" "$output"
}

# The kernel resolves this path on the host, hence without HOST_ROOT. It is the version's own and not `current`: a
# driver may ask for its firmware again at any time while it is loaded.
set_firmware_path() { # NAME
  local -r parameter=$SYSFS_ROOT/module/firmware_class/parameters/path
  local -r wanted=$INSTALL_ROOT/$1/lib/firmware
  local present
  if [[ ! -w $parameter ]]; then
    say "$parameter cannot be written; GPUs that need GSP firmware may not start"
    return
  fi
  present=$(<"$parameter")
  case $present in
    "$wanted") ;;
    "" | "$INSTALL_ROOT"/*) printf '%s' "$wanted" >"$parameter" ;;
    *) say "the firmware search path stays $present, which is not ours; GPUs that need GSP firmware may not start" ;;
  esac
}

load_modules() { # NAME
  local module
  if are_loaded "${REQUIRED[@]}"; then return; fi
  for module in "${LOAD_ORDER[@]}"; do
    is_loaded "$module" || load_module "$STORE/$1" "$module"
  done
}

load_module() { # FOLDER MODULE
  local reason
  if reason=$(modprobe -d "$1" "$2" 2>&1); then
    say "loaded $2"
  elif [[ " ${REQUIRED[*]} " != *" $2 "* ]]; then
    say "went on without $2, which is optional: $reason"
  else
    quote "$reason"
    quote "$(dmesg 2>/dev/null | grep -iE 'nvidia|nvrm' | tail -n 5)"
    fail "$EXIT_MODULE_REFUSED" "the kernel refused $2; its reason stands above"
  fi
}
