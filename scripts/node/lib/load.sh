# shellcheck shell=bash
# Kernel modules into the kernel and out of it.

# Writes the index that modprobe needs. depmod ends with 0 even where it could not read a module.
index_modules() { # FOLDER
  local -r kernel=${IMAGE[KERNEL_RELEASE]}
  local output
  [[ -f $1/lib/modules/$kernel/kernel/drivers/video/nvidia/nvidia.ko ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "the modules archive has no nvidia.ko for $kernel; pull the image anew"
  if output=$(depmod -b "$1" "$kernel" 2>&1) && [[ $output != *ERROR:* ]]; then return 0; fi
  give_up "$EXIT_DAMAGED_IMAGE" "depmod cannot read the modules; pull the image anew" "$output"
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
  if reason=$(modprobe -d "$STORE/$1" "$2" "${words[@]}" 2>&1); then
    say "loaded $2${words[*]:+ with ${words[*]}}"
  elif [[ " ${REQUIRED[*]} " != *" $2 "* ]]; then
    say "went on without $2, which is optional: $reason"
  else
    explain_refusal "$2" "$file" "$reason"
  fi
}

# The kernel's own modules that one of ours needs (drm, video, ib_core) are in the host's tree, of which our index knows
# nothing. One that does not load is reason enough to go on: the kernel decides whether ours can do without.
load_host_modules() { # FILE MODULE
  local depends module
  depends=$(modinfo -F depends "$1")
  for module in ${depends//,/ }; do
    [[ " ${LOAD_ORDER[*]//-/_} " != *" ${module//-/_} "* ]] || continue
    is_loaded "$module" || try "$2 needs the kernel's $module, which does not load" modprobe -d "$HOST_ROOT" "$module" || true
  done
}

# The other way round, whatever has been loaded of them.
unload_modules() { # WHY
  local module output
  stop_daemons
  check_idle "$1"
  for module in "${UNLOAD_ORDER[@]}"; do
    is_loaded "$module" || continue
    if output=$(rmmod "$module" 2>&1); then continue; fi
    check_idle "$1"
    quote "$output"
    fail "$EXIT_IN_USE" "$1, but the kernel does not let go of $module; reboot the node"
  done
  run rm -f -- "$LOADED_PARAMETERS"
  say "unloaded the kernel modules"
}
