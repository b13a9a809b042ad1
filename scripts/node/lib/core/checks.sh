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

# Ends the run and names the image for a kernel. The tag of an image must not contain `+`.
fail_for_kernel() { # MESSAGE KERNEL
  local tag
  tag=${IMAGE[DRIVER_VERSION]}-${2//+/-}-$(node_release)
  fail "$EXIT_WRONG_KERNEL" \
    "$1, and the image is for ${IMAGE[KERNEL_RELEASE]}; this node needs the image with the tag $tag"
}

check_host_root() {
  local reason folder
  [[ -d $HOST_ROOT ]] || fail "$EXIT_HOST_ROOT" "HOST_ROOT=$HOST_ROOT is not a folder; mount the host's root there"
  reason=$(check_on_host "$DRIVERS_DIR") || fail "$EXIT_HOST_ROOT" "$reason; choose another INSTALL_ROOT"
  folder=$(realpath -m -- "$DRIVERS_DIR")
  folder=$(existing_ancestor "$folder")
  [[ -d $folder && -w $folder ]] || fail "$EXIT_HOST_ROOT" \
    "$folder is not a writable folder; mount it read-write, or choose another INSTALL_ROOT"
}

# Fails with a message if a path leads out of the host's root. In the container, an absolute link on the host does.
check_on_host() { # PATH
  local root target
  root=$(realpath -- "$HOST_ROOT")
  target=$(realpath -m -- "$1")
  [[ $target == "${root%/}"/* ]] || { printf '%s\n' "$1 leads to $target, which is not on the host" && return 1; }
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
  path=$(realpath -m -- "$1")
  path=$(existing_ancestor "$path")
  available=$(df --output=avail --block-size=1 -- "$path" | sed -n '2{s/ //g;p}')
  ((available >= $2)) || fail "$EXIT_NO_SPACE" \
    "$path has $((available >> 20)) MiB free, and the driver needs $((($2 >> 20) + 1)) MiB; free some space and run again"
}

LOCK=

# Takes the node's one lock. The lock is on a folder of the host, so no file remains. The folder is /run, because it is never
# on a network file system: some of these cannot lock folders.
take_lock() { # [FOLDER]
  [[ -z $LOCK ]] || return 0
  exec {LOCK}<"$(lock_folder "$@")"
  flock --nonblock "$LOCK" ||
    fail "$EXIT_LOCKED" "another nvidia-installer runs on this node; run again after it ends"
}

lock_folder() { # [FOLDER]
  local -r folder=${1:-${HOST_ROOT%/}/run}
  if [[ -d $folder ]]; then printf '%s' "$folder"; else printf '%s' "$HOST_ROOT"; fi
}

# Waits until no other nvidia-installer holds the lock.
wait_for_other_runs() {
  local lock
  exec {lock}<"$(lock_folder)"
  flock "$lock" || true
  exec {lock}<&-
}

# For a process that lives longer than this run.
release_lock() {
  [[ -z $LOCK ]] || exec {LOCK}<&-
}
