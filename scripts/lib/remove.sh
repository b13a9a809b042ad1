# shellcheck shell=bash
# `scripts/setup --remove`: removes what set-up made, and says what it leaves. common.sh, engine.sh and state.sh are sourced before.

# The folders of the checkout that set-up, nox and the tasks make.
readonly MADE=(.venv .nox build)

remove_everything() { # true: the cache too
  local -r with_cache=$1 cache=$(cache_folder)
  local folder
  for folder in "${MADE[@]}"; do
    if [[ -e $folder || -L $folder ]]; then
      log "removing $folder"
      rm -rf "$folder"
    fi
  done
  stop_own_engine
  if "$with_cache" && [[ -d $cache ]]; then
    log "removing the cache, $cache"
    rm -rf "$cache"
  elif [[ -d $cache ]]; then
    log "left: the cache, $cache: scripts/setup --remove --cache"
  fi
  leave_packages
  log "left: the engine's images and containers: docker system df shows them"
}

# Prints the cache's folder, as the tasks find it (lifecycle/cache/cache.py).
cache_folder() {
  local base=${XDG_CACHE_HOME:-}
  [[ $base == /* ]] || base=${HOME:-/nonexistent}/.cache
  echo "$base/nvidia-installer"
}

# Ends the dockerd that set-up started, unless the recorded process has ended, or containers run in it: they are somebody's.
stop_own_engine() {
  local pid started
  [[ -f $STATE/engine ]] || return 0
  read -r pid started < <(tail -n 1 "$STATE/engine") || true
  if [[ ! $pid =~ ^[0-9]+$ || $(cat "/proc/$pid/comm" 2>/dev/null) != dockerd || $(started_at "$pid") != "$started" ]]; then
    rm -f "$STATE/engine"
    return
  fi
  if [[ -n $(DOCKER_HOST=unix://$SOCKET timeout 10 docker ps --quiet 2>/dev/null) ]]; then
    log "left: dockerd (process $pid), because containers run in it: end them, and run this again"
    return
  fi
  require_root "kill $pid"
  log "ending dockerd (process $pid)"
  as_root kill "$pid"
  timeout 30 tail --pid="$pid" --follow /dev/null || true
  rm -f "$STATE/engine"
}

# Prints the command that removes the Debian packages which set-up installed. Others may need them by now.
leave_packages() {
  local packages
  [[ -f $STATE/packages ]] || return 0
  mapfile -t packages < <(sort -u "$STATE/packages")
  log "left: Debian packages that set-up installed; if nothing else needs them: apt-get remove --autoremove ${packages[*]}"
}
