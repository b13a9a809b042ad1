# shellcheck shell=bash
# nvidia-driver: the interface between NVIDIA's GPU Operator and a driver container. The driver is installed inside the
# container, because the container cannot access the host's root. Then the container's root is mounted on the host, where
# the Operator's other containers expect it. Sources of the interface:
#   https://github.com/NVIDIA/gpu-driver-container (ubuntu24.04/precompiled/nvidia-driver)
#   https://github.com/NVIDIA/gpu-operator (manifests/state-driver/0500_daemonset.yaml), for the DaemonSet

readonly PID_FILE=$STATE_DIR/nvidia-driver.pid
readonly DIGEST_FILE=$STATE_DIR/nvidia-driver.state
readonly DAEMONS_FILE=$STATE_DIR/validations/.driver-daemons-status

driver_command() { # init|update|reload_nvidia_peermem|probe_nvidia_peermem [FLAG…]
  local -r command=${1:-}
  [[ $# == 0 ]] || shift
  REQUESTED_KERNEL=
  # shellcheck disable=SC2034 # used in daemons.sh
  OUTLIVE_CONTAINER=false
  case $command in
    init | update)
      read_driver_flags "$@"
      "driver_$command"
      ;;
    reload_nvidia_peermem | probe_nvidia_peermem)
      [[ $# == 0 ]] || usage_error "$command takes no arguments, but got: $*"
      "$command"
      ;;
    *) usage_error "unknown nvidia-driver command '$command'; use init, update, reload_nvidia_peermem or probe_nvidia_peermem" ;;
  esac
}

# NVIDIA's own containers compile, sign and accept a licence at this point. This image did so when it was built.
read_driver_flags() { # FLAG…
  while (($# > 0)); do
    case $1 in
      -k | --kernel) REQUESTED_KERNEL=${2:-} ;;
      --kernel=*) REQUESTED_KERNEL=${1#*=} ;;
      -a | --accept-license | --max-threads=* | --sign=* | --tag=*) log "$1 is ignored: the modules are already compiled" ;;
      -m | --max-threads | -s | --sign | -t | --tag) log "$1 ${2:-} is ignored: the modules are already compiled" ;;
      *) usage_error "unknown nvidia-driver option $1" ;;
    esac
    case $1 in
      -k | --kernel | -m | --max-threads | -s | --sign | -t | --tag)
        [[ $# -gt 1 ]] || usage_error "$1 takes a value"
        shift
        ;;
    esac
    shift
  done
}

driver_init() {
  check_root
  run mkdir -p -- "$STATE_DIR"
  take_lock
  write_file "$PID_FILE" "$$"
  trap 'exit "$EXIT_STOPPED"' HUP QUIT
  write_file "$DAEMONS_FILE" NotReady
  AT_EXIT+=(unmount_unused_root)
  mount_root
  install_command
  link_into_root
  catch_signals
  ensure_daemons
  write_file "$DAEMONS_FILE" Ready
  [[ $DRIVER_CONFIG_DIGEST == none ]] || write_file "$DIGEST_FILE" "$DRIVER_CONFIG_DIGEST"
  log "the driver is ready; waiting for a signal"
  run_until_stopped supervise
  stop_driver
}

# A driver in use stays loaded and mounted for the jobs that run, and the next container takes it over.
stop_driver() {
  local users
  mark_not_ready
  run rm -f -- "$DAEMONS_FILE" "$WANTED_FILE"
  users=$(describe_users)
  if [[ -n $users ]]; then
    fail "$EXIT_IN_USE" "the driver is in use by $(summarize_users "$users"), so it stays loaded and mounted"
  fi
  unload_modules "the container must unload the driver before it ends"
  reset_firmware_path
  unmount_root
  run rm -f -- "$PID_FILE" "$DIGEST_FILE"
}

# Each kernel has its own image, so an update has nothing to prepare.
driver_update() {
  local -r kernel=${REQUESTED_KERNEL:-$(uname -r)}
  [[ $kernel == "${IMAGE[KERNEL_RELEASE]}" ]] || fail_for_kernel "the update is for kernel $kernel" "$kernel"
  log "the modules for $kernel are in this image; there is nothing to update"
}
