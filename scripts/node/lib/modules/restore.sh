# shellcheck shell=bash
# Restores the loaded driver if it cannot be unloaded. Its users then notice nothing.

# The folder of the loaded driver and its loaded modules; empty while there is nothing to restore.
REMEMBERED_FOLDER=
REMEMBERED_MODULES=()
REMEMBERED_MARK=
REMEMBERED_READY=false

# Remembers the loaded driver, before its daemons are stopped and its modules unloaded.
remember_driver() {
  local module folder
  REMEMBERED_MODULES=()
  for module in "${LOAD_ORDER[@]}"; do
    if is_loaded "$module"; then REMEMBERED_MODULES+=("$module"); fi
  done
  folder=$(linked_folder current)
  if [[ -n $folder ]] && is_loaded_from "$folder"; then REMEMBERED_FOLDER=$folder; fi
  if [[ -n $folder ]] && is_ready "$folder"; then REMEMBERED_READY=true; fi
  if [[ -f $WANTED_FILE ]]; then REMEMBERED_MARK=$(<"$WANTED_FILE"); fi
  AT_EXIT+=(restore_driver)
}

forget_driver() {
  REMEMBERED_MODULES=()
}

# Loads the modules that were unloaded, and starts the daemons that were stopped. A subshell, because a step may exit.
restore_driver() {
  ((${#REMEMBERED_MODULES[@]} == 0)) || (load_remembered) || true
}

load_remembered() {
  local module
  local -a words
  for module in "${REMEMBERED_MODULES[@]}"; do
    is_loaded "$module" && continue
    mapfile -t words < <(sed -n "s/^$module //p" -- "$LOADED_PARAMETERS" 2>/dev/null)
    try "$module stays unloaded" modprobe -d "${REMEMBERED_FOLDER:+$DRIVERS_DIR/}${REMEMBERED_FOLDER:-$HOST_ROOT}" "$module" "${words[@]}" || true
  done
  [[ -z $UNPACKED_FOLDER ]] || remove_folder "$UNPACKED_FOLDER"
  [[ -n $REMEMBERED_FOLDER ]] || return 0
  [[ -z $REMEMBERED_MARK ]] || write_file "$WANTED_FILE" "$REMEMBERED_MARK"
  ensure_daemons
  if "$REMEMBERED_READY"; then mark_ready "$REMEMBERED_FOLDER"; fi
}
