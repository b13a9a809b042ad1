# shellcheck shell=bash
# Loads and unloads the kernel modules.

# Writes the index that modprobe needs. depmod exits with 0 even if it cannot read a module.
index_modules() { # FOLDER
  local -r kernel=${IMAGE[KERNEL_RELEASE]}
  local output
  [[ -f $1/lib/modules/$kernel/kernel/drivers/video/nvidia/nvidia.ko ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "the modules archive has no nvidia.ko for $kernel; pull the image again"
  if output=$(depmod -b "$1" "$kernel" 2>&1) && [[ $output != *ERROR:* ]]; then return 0; fi
  fail_with_output "$EXIT_DAMAGED_IMAGE" "depmod cannot read the modules; pull the image again" "$output" "$1"
}

load_modules() { # FOLDER
  local module
  if are_loaded "${REQUIRED[@]}"; then return 0; fi
  is_loaded nvidia || write_file "$LOADED_PARAMETERS" "$(all_parameters)"
  for module in "${LOAD_ORDER[@]}"; do
    is_loaded "$module" || load_module "$1" "$module"
  done
}

load_module() { # FOLDER MODULE
  local reason file
  local -a words=()
  file=$(module_file "$1" "$2")
  if [[ ! -f $file && " ${REQUIRED[*]} " != *" $2 "* ]]; then return 0; fi
  load_host_modules "$file" "$2"
  [[ -z ${PARAMETERS[$2]} ]] || mapfile -t words <<<"${PARAMETERS[$2]}"
  if reason=$(without_lock modprobe -d "$DRIVERS_DIR/$1" "$2" "${words[@]}" 2>&1); then
    log "loaded $2${words[*]:+ with ${words[*]}}"
  elif [[ " ${REQUIRED[*]} " != *" $2 "* ]]; then
    log "skipped $2, which is optional: $reason"
  else
    fail_for_refusal "$2" "$file" "$reason"
  fi
}

# Loads the kernel's own modules that an NVIDIA module needs (drm, video, ib_core). They are in the host's tree, which our
# index does not contain. If one fails to load, the kernel decides whether the NVIDIA module works without it.
load_host_modules() { # FILE MODULE
  local depends module
  depends=$(modinfo -F depends "$1")
  for module in ${depends//,/ }; do
    [[ " ${LOAD_ORDER[*]//-/_} " != *" ${module//-/_} "* ]] || continue
    is_loaded "$module" || try "$2 needs the kernel's module $module, which does not load" modprobe -d "$HOST_ROOT" "$module" || true
  done
}

# Unloads all NVIDIA modules that are loaded.
unload_modules() { # REASON
  local module output
  stop_daemons
  check_idle "$1"
  for module in "${UNLOAD_ORDER[@]}"; do
    is_loaded "$module" || continue
    if output=$(without_lock rmmod "$module" 2>&1); then continue; fi
    check_idle "$1"
    log_output "$output"
    fail "$EXIT_IN_USE" "$1, but the kernel does not unload $module; reboot the node"
  done
  forget_driver
  run rm -f -- "$LOADED_PARAMETERS"
  log "unloaded the kernel modules"
}
