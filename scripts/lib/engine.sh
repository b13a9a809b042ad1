# shellcheck shell=bash
# The container engine of `scripts/setup`: starts dockerd if no engine answers. common.sh and state.sh are sourced before.

readonly SOCKET=/var/run/docker.sock
readonly ENGINE_PIDFILE=/var/run/docker.pid
readonly CONTAINERD_PIDFILE=/var/run/docker/containerd/containerd.pid
readonly ENGINE_LOG=/var/log/dockerd.log
readonly ENGINE_SECONDS=60

engine_answers() {
  has docker && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# Fails if an engine runs that refuses this user. Starting a second engine would not help.
require_socket_access() {
  [[ ! -S $SOCKET || -w $SOCKET ]] ||
    fail 2 "$(id -un) may not use $SOCKET; run: sudo usermod -aG docker $(id -un), then log in again"
}

start_engine() {
  local pid started_by_setup=false
  require_root dockerd
  if [[ -d /run/systemd/system ]]; then
    with_retries "systemctl start docker" as_root systemctl start docker
    pid=$(as_root cat "$ENGINE_PIDFILE")
  elif runs dockerd "$ENGINE_PIDFILE"; then
    pid=$(as_root cat "$ENGINE_PIDFILE")
  else
    # After a reboot the id in a file may be that of another process, but the daemons trust the file.
    as_root rm -f "$ENGINE_PIDFILE"
    runs containerd "$CONTAINERD_PIDFILE" || as_root rm -f "$CONTAINERD_PIDFILE"
    # shellcheck disable=SC2016 # the inner shell expands them, and may be root's
    pid=$(as_root sh -c 'cd / && PATH=$PATH:/usr/sbin:/sbin setsid dockerd >>"$1" 2>&1 </dev/null & echo $!' \
      sh "$ENGINE_LOG")
    started_by_setup=true
  fi
  wait_for_engine "$pid"
  ! "$started_by_setup" || record engine "$pid $(started_at "$pid")"
}

runs() { # NAME PIDFILE
  local pid
  pid=$(as_root cat "$2" 2>/dev/null) && [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$1" ]]
}

wait_for_engine() { # PROCESS-ID
  local -r deadline=$((SECONDS + ENGINE_SECONDS))
  until engine_answers; do
    require_socket_access
    if [[ ! -d /proc/$1 ]] || ((SECONDS >= deadline)); then
      as_root tail -n 15 "$ENGINE_LOG" >&2 || true
      [[ -d /proc/$1 ]] || fail 1 "dockerd ended at once; see its log, $ENGINE_LOG"
      fail 1 "dockerd does not answer after $ENGINE_SECONDS s; see its log, $ENGINE_LOG"
    fi
    sleep 0.2
  done
}
