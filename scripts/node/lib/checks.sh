# shellcheck shell=bash
# What has to hold before anything on the host is touched. Each check passes silently or ends the run.

check_root() {
  [[ $(id -u) == 0 ]] || fail "$EXIT_NOT_ROOT" "this needs root; run it in a privileged container"
}

check_architecture() {
  local machine
  machine=$(uname -m)
  case ${IMAGE[ARCHITECTURE]}/$machine in
    amd64/x86_64 | arm64/aarch64) ;;
    *) fail "$EXIT_WRONG_ARCHITECTURE" "this node is $machine, and the image is for ${IMAGE[ARCHITECTURE]}" ;;
  esac
}

check_kernel() {
  local kernel
  kernel=$(uname -r)
  [[ $kernel == "${IMAGE[KERNEL_RELEASE]}" ]] || fail_for_kernel "this node runs $kernel" "$kernel"
}

# `+` may not stand in the tag of an image.
fail_for_kernel() { # WORDS KERNEL
  local tag
  tag=${IMAGE[DRIVER_VERSION]}-${2//+/-}-$(node_release)
  fail "$EXIT_WRONG_KERNEL" \
    "$1, and the image is for ${IMAGE[KERNEL_RELEASE]}; this node needs the image with the tag $tag"
}

# Prints the OS release as image tags name it. A node with another kernel may well have been upgraded to another one, so
# its own os-release counts where the host's root is mounted; a suffix (debian-13-backports) only the image knows.
node_release() {
  local release=${IMAGE[OS_RELEASE]} id version
  if [[ $HOST_ROOT != / ]]; then
    id=$(os_release_value ID)
    version=$(os_release_value VERSION_ID)
    if [[ -n $id && -n $version && "$release-" != "$id-$version-"* ]]; then release=$id-$version; fi
  fi
  printf '%s' "$release"
}

os_release_value() { # KEY
  local -r file=${HOST_ROOT%/}/etc/os-release
  [[ ! -r $file ]] || sed -nE "s/^$1=[\"']?([A-Za-z0-9._-]+)[\"']?\$/\1/p" "$file"
}

check_host_root() {
  local reason folder
  [[ -d $HOST_ROOT ]] || fail "$EXIT_HOST_ROOT" "HOST_ROOT=$HOST_ROOT is no folder; mount the host's root there"
  reason=$(stays_on_host "$STORE") || fail "$EXIT_HOST_ROOT" "$reason; choose another INSTALL_ROOT"
  folder=$(realpath -m -- "$STORE")
  folder=$(existing_ancestor "$folder")
  [[ -d $folder && -w $folder ]] || fail "$EXIT_HOST_ROOT" \
    "$folder is no folder that can be written; mount it read-write, or choose another INSTALL_ROOT"
}

# A link on the host that begins with `/` would lead into the container's own files from here; which is said, and fails.
stays_on_host() { # PATH
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
    "$path has $((available >> 20)) MiB left, and the driver needs $((($2 >> 20) + 1)) MiB; make room and run again"
}

LOCK=

# One lock a node, however many containers there are. A folder of the host's is locked, so that nothing is left behind:
# /run, because it is never on a network file system, some of which cannot lock folders.
take_lock() { # [FOLDER]
  [[ -z $LOCK ]] || return 0
  exec {LOCK}<"$(lock_folder "$@")"
  flock --nonblock "$LOCK" ||
    fail "$EXIT_LOCKED" "another nvidia-installer is at work on this node; run again when it has ended"
}

lock_folder() { # [FOLDER]
  local -r folder=${1:-${HOST_ROOT%/}/run}
  if [[ -d $folder ]]; then printf '%s' "$folder"; else printf '%s' "$HOST_ROOT"; fi
}

# Waits until no other nvidia-installer is at work on the node.
let_others_end() {
  local lock
  exec {lock}<"$(lock_folder)"
  flock "$lock" || true
  exec {lock}<&-
}

# For a process that outlives the work.
release_lock() {
  [[ -z $LOCK ]] || exec {LOCK}<&-
}
