# shellcheck shell=bash
# nvidia-installer uninstall: undoes install. Missing files are no error.

uninstall_command() { # [--keep-modules]
  local unload=true name
  case "$*" in
    "") ;;
    --keep-modules) unload=false ;;
    *) usage_error "uninstall has only the option --keep-modules, but got: $*" ;;
  esac
  check_root
  check_host_root
  take_lock
  if "$unload"; then unload_own_driver; fi
  run rm -f -- "$WANTED_FILE"
  mark_not_ready
  unregister_libraries
  run rm -f -- "$NOUVEAU_FILE" "$STATE_DIR/fabricmanager.cfg" "$FAILURE_FILE"
  for name in "${DAEMONS[@]}"; do
    run rm -f -- "$STATE_DIR/$name".{pid,log}
  done
  remove_unfinished "${NOUVEAU_FILE%/*}" "${LIBRARY_FILE%/*}" "$STATE_DIR" "$STATE_DIR/validations" "$CDI_DIR"
  remove_drivers
  remove_empty "$STATE_DIR/validations" "$STATE_DIR" "$DRIVERS_DIR"
  remove_reports
  log "no driver is installed in $INSTALL_ROOT any more"
}

# Unloads a driver from INSTALL_ROOT. A driver that someone else loaded, such as the host's package, stays.
unload_own_driver() {
  local folder ours=false
  for folder in "$DRIVERS_DIR"/*; do
    if [[ -f $folder/$RECORD_FILE ]] && is_loaded_from "${folder##*/}"; then ours=true; fi
  done
  if "$ours"; then
    wait_for_own_pod
    check_idle "uninstall must unload the driver"
    remember_driver
    run rm -f -- "$WANTED_FILE"
    mark_not_ready
    unload_modules "uninstall must unload the driver"
  elif is_loaded nvidia; then
    log "driver $(loaded_version) stays loaded: it does not come from $INSTALL_ROOT"
    return 0
  fi
  stop_daemons
  run rm -f -- "$LOADED_PARAMETERS"
  remove_device_files
  reset_firmware_path
}

remove_drivers() {
  local folder
  remove_leftovers
  run rm -f -- "$DRIVERS_DIR/current" "$DRIVERS_DIR/previous"
  for folder in "$DRIVERS_DIR"/*; do
    if [[ -f $folder/$RECORD_FILE ]]; then remove_folder "${folder##*/}"; fi
  done
}

remove_empty() { # FOLDER…
  local folder
  for folder; do
    if [[ -d $folder && -z $(ls -A -- "$folder") ]]; then run rmdir -- "$folder"; fi
  done
}
