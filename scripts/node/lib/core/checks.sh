# shellcheck shell=bash
# Checks that run before anything on the host changes. Each check passes silently or ends the run.

check_root() {
  [[ $(id -u) == 0 ]] || fail "$EXIT_NOT_ROOT" "nvidia-installer needs root; run it in a privileged container"
}

check_architecture() {
  local machine
  machine=$(uname -m)
  case ${IMAGE[ARCHITECTURE]}/$machine in
    amd64/x86_64 | arm64/aarch64) ;;
    *) fail "$EXIT_WRONG_ARCHITECTURE" \
      "this node is $machine, and the image is for ${IMAGE[ARCHITECTURE]}; use an image for this architecture" ;;
  esac
}

check_kernel() {
  local kernel
  kernel=$(uname -r)
  [[ $kernel == "${IMAGE[KERNEL_RELEASE]}" ]] || fail_for_kernel "this node runs $kernel" "$kernel"
}

# Ends the run and names the image for a kernel. A tag has `-` for a character that it must not contain, and the architecture if
# the kernel release lacks it (lifecycle/planning/tags.py).
fail_for_kernel() { # MESSAGE KERNEL
  local kernel=${2//[^A-Za-z0-9_.-]/-} tag
  [[ $kernel =~ (^|[^A-Za-z0-9])("${IMAGE[ARCHITECTURE]}"|"$(uname -m)")([^A-Za-z0-9]|$) ]] ||
    kernel+=-${IMAGE[ARCHITECTURE]}
  tag=${IMAGE[DRIVER_VERSION]}-$kernel-$(node_release)
  fail "$EXIT_WRONG_KERNEL" \
    "$1, and the image is for ${IMAGE[KERNEL_RELEASE]}; this node needs the image with the tag $tag"
}

check_host_root() {
  local reason path
  [[ -d $HOST_ROOT ]] || fail "$EXIT_HOST_ROOT" "HOST_ROOT=$HOST_ROOT is not a folder; mount the host's root there"
  for path in "$INSTALL_ROOT" "$RUN_DIR"; do
    reason=$(resolve_on_host "$path") || fail "$EXIT_HOST_ROOT" "$reason; choose another INSTALL_ROOT or RUN_DIR"
  done
}

# Proves that the driver can run on the host, and that it can be written there unless it is there and current.
check_install_root() { # FOLDER RECORD
  local folder
  folder=$(existing_ancestor "$DRIVERS_DIR")
  if [[ ! -d $folder || ! -w $folder ]] && ! is_current "$@"; then
    fail "$EXIT_HOST_ROOT" "$folder is not a writable folder; mount it read-write, or choose another INSTALL_ROOT"
  fi
  [[ ,$(mount_options "$folder"), != *,noexec,* ]] || fail "$EXIT_HOST_ROOT" \
    "$folder is mounted noexec, so the driver's programs cannot run there; choose another INSTALL_ROOT"
}

# Prints the options of the mount that contains a path, from mountinfo (proc(5)). A later mount covers an earlier one.
mount_options() { # ABSOLUTE-PATH
  local point options found='' result=''
  while read -r _ _ _ _ point options _; do
    printf -v point '%b' "${point//\\/\\0}"
    if [[ $1/ == "${point%/}"/* && ${#point} -ge ${#found} ]]; then found=$point result=$options; fi
  done 2>/dev/null <"$PROC_ROOT/self/mountinfo" || true
  printf '%s' "$result"
}

existing_ancestor() { # ABSOLUTE-PATH
  local path=$1
  until [[ -e $path ]]; do
    path=${path%/*}
    path=${path:-/}
  done
  printf '%s' "$path"
}

check_space() { # PATH BYTES
  local path available
  path=$(existing_ancestor "$(realpath -m -- "$1")")
  available=$(df --output=avail --block-size=1 -- "$path" | sed -n '2{s/ //g;p}')
  ((available >= $2)) || fail "$EXIT_NO_SPACE" \
    "$path has $((available >> 20)) MiB free, and the driver needs $((($2 >> 20) + 1)) MiB; free some space and run again"
}

LOCK=

# Takes the node's one lock, or ends the run. A `wait` holds the lock for moments only.
take_lock() {
  lock_node --wait 5 || fail "$EXIT_LOCKED" "another nvidia-installer runs on this node; run again after it ends"
}

# Takes the lock if it is free.
try_lock() {
  lock_node --nonblock
}

# The lock is on RUN_DIR, which the chart's pods and the GPU Operator's share, and which is never on a network file system: some of
# these cannot lock folders. `uninstall` removes the folder, and a lock on a removed one is void.
lock_node() { # FLOCK-OPTION…
  [[ -z $LOCK ]] || return 0
  if [[ ! -d $STATE_DIR ]]; then
    run mkdir -p -- "$STATE_DIR"
    AT_EXIT+=(remove_unused_state)
  fi
  exec {LOCK}<"$STATE_DIR" || return 1
  if flock "$@" "$LOCK" && [[ $STATE_DIR -ef /proc/self/fd/$LOCK ]]; then return 0; fi
  release_lock
  return 1
}

# Removes the folder if this run has made it only for the lock.
remove_unused_state() {
  rmdir -- "$STATE_DIR" 2>/dev/null || true
}

# Waits until no other nvidia-installer holds the lock.
wait_for_other_runs() {
  local lock
  exec {lock}<"$STATE_DIR" || return 0
  flock "$lock" || true
  exec {lock}<&-
}

# Becomes a program that may outlive a killed installer: without the lock, so that the next run is not refused. To be called in a
# subshell, such as a command substitution.
without_lock() { # COMMAND…
  release_lock
  exec "$@"
}

release_lock() {
  [[ -z $LOCK ]] || exec {LOCK}<&-
  LOCK=
}
