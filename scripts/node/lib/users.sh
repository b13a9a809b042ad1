# shellcheck shell=bash
# Who uses the loaded driver.

readonly MOST_USERS_NAMED=10

# Prints a line for each process that has a device of NVIDIA's open: PID COMMAND POD. Processes of other containers show
# only with the host's process ids (hostPID). Our own daemons are no users: they go when we ask.
using_processes() {
  local pid own pod command
  own=" $(daemon_pids nvidia-persistenced nv-fabricmanager) "
  while read -r pid; do
    [[ $own != *" $pid "* ]] || continue
    command=
    { read -r command <"$PROC_ROOT/$pid/comm"; } 2>/dev/null || continue
    pod=$(grep -oE -m1 'pod[0-9a-f]{8}[-_0-9a-f]{28}' "$PROC_ROOT/$pid/cgroup" 2>/dev/null) || true
    pod=${pod#pod}
    printf '%s %s %s\n' "$pid" "${command//[[:space:]]/_}" "${pod//_/-}"
  done < <(find "$PROC_ROOT"/[0-9]*/fd -maxdepth 1 -lname '*/dev/nvidia*' -printf '%h\n' 2>/dev/null |
    sed -E 's,^.*/([0-9]+)/fd$,\1,' | sort -nu)
}

# Prints the kernel modules of others that hold one of ours, such as gdrdrv and nvidia_fs.
using_modules() {
  local module holder
  for module in "${LOAD_ORDER[@]}"; do
    for holder in "$SYSFS_ROOT/module/${module//-/_}/holders"/*; do
      holder=${holder##*/}
      [[ $holder == '*' || " ${LOAD_ORDER[*]//-/_} " == *" $holder "* ]] || printf '%s\n' "$holder"
    done
  done | sort -u
}

# Prints the modules of ours that have more references than their holders explain.
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

# Prints a line for each user, in words; nothing if the driver is idle.
users_in_words() {
  local pid command pod users
  users=$(
    while read -r pid command pod; do
      printf '%s\n' "process $pid ($command)${pod:+ in pod $pod}"
    done < <(using_processes)
    using_modules | sed 's/^/kernel module /'
  )
  if [[ -z $users && -z $(daemon_pids nvidia-persistenced nv-fabricmanager) ]]; then
    users=$(unexplained_references | sed -E 's/.*/something that holds & and cannot be seen from here; hostPID shows it/')
  fi
  [[ -z $users ]] || printf '%s\n' "$users"
}

# Ends the run if somebody uses the driver.
check_idle() { # WHY-IT-HAS-TO-GO
  local users count
  users=$(users_in_words)
  [[ -n $users ]] || return 0
  count=$(grep -c '' <<<"$users")
  quote "$(sed "${MOST_USERS_NAMED}q" <<<"$users")"
  ((count <= MOST_USERS_NAMED)) || quote "and $((count - MOST_USERS_NAMED)) more"
  fail "$EXIT_IN_USE" "$1, but it is in use by what stands above; drain the node's GPU users, or reboot the node"
}
