# shellcheck shell=bash
# nvidia-installer uninstall: install the other way round. Whatever is gone already is no obstacle.

uninstall_command() { # [--keep-modules]
  local unload=true
  case "$*" in
    "") ;;
    --keep-modules) unload=false ;;
    *) usage_error "uninstall knows --keep-modules only, not: $*" ;;
  esac
  check_root
  check_host_root
  take_lock
  if "$unload"; then unload_ours; fi
  mark_not_ready
  forget_libraries
  run rm -f -- "$NOUVEAU_FILE" "${NOUVEAU_FILE%/*}/.nvidia-installer" "${LIBRARY_FILE%/*}/.nvidia-installer"
  run rm -f -- "$STATE/fabricmanager.cfg" "$STATE/.nvidia-installer" "$STATE/validations/.nvidia-installer"
  remove_drivers
  remove_empty "$STATE/validations" "$STATE" "$STORE"
  remove_reports
  say "no driver is installed in $INSTALL_ROOT any more"
}

# What somebody else has loaded (a package of the host's) stays.
unload_ours() {
  local folder ours=false
  for folder in "$STORE"/*; do
    if [[ -f $folder/$RECORD ]] && is_loaded_from "${folder##*/}"; then ours=true; fi
  done
  if "$ours"; then
    check_idle "the driver is to be uninstalled"
    mark_not_ready
    unload_modules "the driver is to be uninstalled"
  elif is_loaded nvidia; then
    say "driver $(loaded_version) stays loaded: it is none that is installed in $INSTALL_ROOT"
    return 0
  fi
  run rm -f -- "$LOADED_PARAMETERS"
  remove_device_files
  reset_firmware_path
}

remove_drivers() {
  local folder
  remove_leftovers
  run rm -f -- "$STORE/current" "$STORE/previous"
  for folder in "$STORE"/*; do
    if [[ -f $folder/$RECORD ]]; then remove_folder "${folder##*/}"; fi
  done
}

remove_empty() { # FOLDER…
  local folder
  for folder; do
    if [[ -d $folder && -z $(ls -A -- "$folder") ]]; then run rmdir -- "$folder"; fi
  done
}
