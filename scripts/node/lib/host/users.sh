# shellcheck shell=bash
# The users of the loaded driver: processes and kernel modules.

readonly MAX_NAMED_USERS=10

# Prints a line for each process with an open NVIDIA device: PID COMMAND POD. Processes of other containers are visible only
# with the host's process ids (hostPID). Our own daemons are left out, because unloading stops them.
using_processes() {
  local pid own command
  own=" $(our_daemons | sed 's/ .*//' | tr '\n' ' ') "
  while read -r pid; do
    [[ $own != *" $pid "* ]] || continue
    command=
    { read -r command <"$PROC_ROOT/$pid/comm"; } 2>/dev/null || continue
    printf '%s %s %s\n' "$pid" "${command//[[:space:]]/_}" "$(pod_of "$pid")"
  done < <(find "$PROC_ROOT"/[0-9]*/fd -maxdepth 1 -lname '*/dev/nvidia*' -printf '%h\n' 2>/dev/null |
    sed -E 's,^.*/([0-9]+)/fd$,\1,' | sort -nu)
}

# Prints the uid of a process's pod, if it is in one.
pod_of() { # PID
  local pod
  pod=$(grep -oE -m1 'pod[0-9a-f]{8}[-_0-9a-f]{28}' "$PROC_ROOT/$1/cgroup" 2>/dev/null) || true
  pod=${pod#pod}
  printf '%s' "${pod//_/-}"
}

# Waits for users in this container's own pod, such as the device plugin. When a pod ends, Kubernetes stops them at the same time as it
# runs the hook in this container.
wait_for_own_pod() {
  local pod tries
  pod=$(pod_of self)
  [[ -n $pod ]] || return 0
  for ((tries = 0; tries < DAEMON_STOP_SECONDS * 2; tries++)); do
    [[ $'\n'$(using_processes)$'\n' == *" $pod"$'\n'* ]] || return 0
    sleep 0.5
  done
}

# Prints other kernel modules that use NVIDIA's, such as gdrdrv and nvidia_fs.
using_modules() {
  local module holder
  for module in "${LOAD_ORDER[@]}"; do
    for holder in "$SYSFS_ROOT/module/${module//-/_}/holders"/*; do
      holder=${holder##*/}
      [[ $holder == '*' || " ${LOAD_ORDER[*]//-/_} " == *" $holder "* ]] || printf '%s\n' "$holder"
    done
  done | sort -u
}

# Prints the NVIDIA modules with more references than holders.
unexplained_references() {
  local module count
  local -a holders
  for module in "${LOAD_ORDER[@]//-/_}"; do
    { read -r count <"$SYSFS_ROOT/module/$module/refcnt"; } 2>/dev/null || continue
    holders=("$SYSFS_ROOT/module/$module/holders"/*)
    [[ -e ${holders[0]} ]] || holders=()
    ((count <= ${#holders[@]})) || printf '%s\n' "$module"
  done
}

# The inode of the host's namespace of process ids: PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h.
readonly HOST_PID_NAMESPACE='pid:[4026531836]'

describe_unknown_users() {
  local module
  while read -r module; do
    if [[ $module == nvidia_drm ]] && grep -qs nvidia "$PROC_ROOT/fb"; then
      printf 'the console, which nvidia_drm shows\n'
    elif [[ $(readlink -- "$PROC_ROOT/self/ns/pid") == "$HOST_PID_NAMESPACE" ]]; then
      printf 'an unknown user of %s in the kernel: no process has a device of NVIDIA open\n' "$module"
    else
      printf 'an unknown user of %s; set hostPID to see the processes of other containers\n' "$module"
    fi
  done < <(unexplained_references)
}

# Prints a line of text for each user; nothing if the driver is idle.
describe_users() {
  local pid command pod users
  users=$(
    while read -r pid command pod; do
      printf '%s\n' "process $pid ($command)${pod:+ in pod $pod}"
    done < <(using_processes)
    using_modules | sed 's/^/kernel module /'
  )
  if [[ -z $users && -z $(our_daemons) ]]; then
    users=$(describe_unknown_users)
  fi
  [[ -z $users ]] || printf '%s\n' "$users"
}

# Ends the run if the driver is in use.
check_idle() { # REASON
  local users
  users=$(describe_users)
  [[ -n $users ]] || return 0
  fail "$EXIT_IN_USE" "$1, but it is in use by $(summarize_users "$users"); drain the node's GPU users, or reboot the node"
}

# Prints the first user and the number of the others, because Kubernetes shows only the error; logs the users if they are several.
summarize_users() { # USERS
  local -i count
  count=$(grep -c '' <<<"$1")
  printf '%s' "${1%%$'\n'*}"
  ((count > 1)) || return 0
  log_output "$(sed "${MAX_NAMED_USERS}q" <<<"$1")"
  ((count <= MAX_NAMED_USERS)) || log_output "and $((count - MAX_NAMED_USERS)) more"
  printf ' and %d more' $((count - 1))
}
