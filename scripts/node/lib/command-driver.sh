# shellcheck shell=bash
# nvidia-driver: what NVIDIA's GPU Operator asks of a driver container. It runs in the container's own root, which the
# host has no other access to: hence the driver is installed inside the container, and its root is mounted on the host,
# where the Operator's other containers look for it. The contract is that of
# https://github.com/NVIDIA/gpu-driver-container (ubuntu24.04/precompiled/nvidia-driver) and, for the DaemonSet,
# https://github.com/NVIDIA/gpu-operator (manifests/state-driver/0500_daemonset.yaml).

readonly PID_FILE=$STATE/nvidia-driver.pid
readonly DIGEST_FILE=$STATE/nvidia-driver.state
readonly DAEMONS_FILE=$STATE/validations/.driver-daemons-status

driver_command() { # init|update|reload_nvidia_peermem|probe_nvidia_peermem [FLAG…]
  local -r command=${1:-}
  [[ $# == 0 ]] || shift
  KERNEL_ASKED_FOR=
  case $command in
    init | update)
      read_driver_flags "$@"
      "driver_$command"
      ;;
    reload_nvidia_peermem | probe_nvidia_peermem)
      [[ $# == 0 ]] || usage_error "$command takes no arguments, but got: $*"
      "$command"
      ;;
    *) usage_error "nvidia-driver knows init, update, reload_nvidia_peermem and probe_nvidia_peermem, not '$command'" ;;
  esac
}

# NVIDIA's own containers compile, sign and accept a licence; here all that has been done when the image was built.
read_driver_flags() { # FLAG…
  while (($# > 0)); do
    case $1 in
      -k | --kernel) KERNEL_ASKED_FOR=${2:-} ;;
      --kernel=*) KERNEL_ASKED_FOR=${1#*=} ;;
      -a | --accept-license | --max-threads=* | --sign=* | --tag=*) say "$1 has no meaning here, and is ignored" ;;
      -m | --max-threads | -s | --sign | -t | --tag) say "$1 ${2:-} has no meaning here, and is ignored" ;;
      *) usage_error "nvidia-driver does not know $1" ;;
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
  run mkdir -p -- "$STATE"
  take_lock "$STATE"
  write_file "$PID_FILE" "$$"
  trap 'exit "$EXIT_STOPPED"' HUP QUIT
  write_file "$DAEMONS_FILE" NotReady
  AT_EXIT+=(leave_root)
  mount_root
  install_command
  link_into_root
  trap request_stop TERM INT HUP QUIT
  ensure_daemons
  write_file "$DAEMONS_FILE" Ready
  [[ $DRIVER_CONFIG_DIGEST == none ]] || write_file "$DIGEST_FILE" "$DRIVER_CONFIG_DIGEST"
  say "the driver is ready; waiting for a signal"
  supervise
  stop_driver
}

# Jobs that still run keep their driver: it stays loaded and mounted, and the next container goes on with it.
stop_driver() {
  local users
  mark_not_ready
  run rm -f -- "$DAEMONS_FILE"
  stop_daemons
  users=$(users_in_words)
  if [[ -n $users ]]; then
    quote "$users"
    fail "$EXIT_IN_USE" "the driver stays loaded and mounted, for it is in use by what stands above"
  fi
  unload_modules "this container ends"
  reset_firmware_path
  unmount_root
  run rm -f -- "$PID_FILE" "$DIGEST_FILE"
}

# For another kernel there is another image: nothing can be prepared here.
driver_update() {
  local -r kernel=${KERNEL_ASKED_FOR:-$(uname -r)}
  [[ $kernel == "${IMAGE[KERNEL_RELEASE]}" ]] || fail_for_kernel "the update is for kernel $kernel" "$kernel"
  say "the modules for $kernel are in this image; there is nothing to update"
}
