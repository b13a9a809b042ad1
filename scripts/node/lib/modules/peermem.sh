# shellcheck shell=bash
# nvidia-driver reload_nvidia_peermem and probe_nvidia_peermem. The GPU Operator runs them in a second container, which loads
# nvidia-peermem when the network driver (MOFED) is ready.

reload_nvidia_peermem() {
  run_until_stopped keep_peermem
}

keep_peermem() {
  until "$STOPPING" || { network_driver_is_ready && is_loaded nvidia; }; do
    pause
  done
  "$STOPPING" || load_peermem
  until "$STOPPING"; do
    pause
  done
}

network_driver_is_ready() {
  if [[ $USE_HOST_MOFED == true ]]; then
    is_loaded mlx5_core
  else
    [[ -e ${HOST_ROOT%/}/run/mellanox/drivers/.driver-ready ]]
  fi
}

# Loads nvidia-peermem from the root of the driver's container.
load_peermem() {
  local reason
  local -a words=()
  ! is_loaded nvidia-peermem || return 0
  read_parameters
  [[ -z ${PARAMETERS[nvidia-peermem]} ]] || mapfile -t words <<<"${PARAMETERS[nvidia-peermem]}"
  if reason=$(modprobe -d "$DRIVER_ROOT$INSTALL_ROOT/current" nvidia-peermem "${words[@]}" 2>&1); then
    log "loaded nvidia-peermem"
  else
    fail_for_refusal nvidia-peermem "$DRIVER_ROOT$INSTALL_ROOT/current" "$reason"
  fi
}

probe_nvidia_peermem() {
  if is_loaded mlx5_core && ! is_loaded nvidia-peermem; then
    fail "$EXIT_NOT_READY" "nvidia-peermem is not loaded"
  fi
}
