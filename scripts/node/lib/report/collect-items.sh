# shellcheck shell=bash
# The content of the archive of `nvidia-installer collect`. Nothing secret belongs in it: of processes only the number, name and pod,
# of the environment only the installer's settings, of the kernel's command line only what concerns drivers.

start_items() {
  local file folder
  item status.json installer_status --json
  item status.txt installer_status
  item manifest.env copy_file "$MANIFEST"
  item settings.txt print_settings
  item failure.txt copy_if_present "$FAILURE_FILE"
  for file in METRICS_FILE FEATURES_FILE; do
    [[ -z ${!file} ]] || item "${file,,}.txt" copy_if_present "$(host_file "${!file}")"
  done
  item kernel.txt print_kernel
  item kernel-messages.txt print_kernel_messages
  item modules.txt cat "$PROC_ROOT/modules"
  item module-parameters.txt print_module_parameters
  item devices.txt cat "$PROC_ROOT/devices"
  item device-files.txt list_device_files
  item pci.txt print_pci_devices
  item os-release.txt print_os_release
  item mounts.txt print_mounts
  item users.txt print_users
  item nvidia-smi.txt print_nvidia_smi
  item folders.txt list_folders
  for folder in "$DRIVERS_DIR"/*/; do
    folder=${folder%/}
    [[ ! -L $folder && -f $folder/$RECORD_FILE ]] || continue
    item "driver-${folder##*/}.env" copy_file "$folder/$RECORD_FILE"
    item "driver-${folder##*/}.differences.txt" list_differences "$folder"
  done
  for file in "$CDI_PREFIX"*.json; do
    [[ ! -e $file ]] || item "cdi-${file#"$CDI_PREFIX"}" copy_file "$file"
  done
  for file in "$STATE_DIR"/*.log; do
    [[ ! -e $file ]] || item "${file##*/}" copy_file "$file"
  done
}

# A driver that is not ready is an answer and not a failure.
installer_status() { # [--json]
  local -i code=0
  "$SELF" status "$@" || code=$?
  ((code == EXIT_NOT_READY)) || return "$code"
}

# Prints the end of a file. Other programs may put a link or a FIFO at its place.
copy_file() { # PATH
  [[ -f $1 && ! -L $1 ]] || { printf '%s is not a file\n' "$1" >&2 && return 1; }
  tail -c "$MAX_LOG_BYTES" -- "$1"
}

copy_if_present() { # PATH
  [[ ! -e $1 && ! -L $1 ]] || copy_file "$1"
}

print_settings() {
  local name
  while read -r name; do
    printf '%s=%s\n' "$name" "${!name}"
  done < <(sed -nE 's/^: "\$\{([A-Z_]+):=.*/\1/p' "$LIB/core/settings.sh")
}

# Prints the files that are not as they were unpacked; nothing for an intact driver. Tabs begin the second column of comm.
list_differences() { # FOLDER
  [[ -f $1/$LISTING_FILE ]] || { printf '%s is missing\n' "$1/$LISTING_FILE" >&2 && return 1; }
  list_files "$1" | comm -3 -- "$1/$LISTING_FILE" - | sed -e 's/^\t/now: /' -e 't' -e 's/^/unpacked: /'
}

list_folders() {
  local folder
  for folder in "$DRIVERS_DIR" "$STATE_DIR" "$STATE_DIR/validations" "$CDI_DIR"; do
    printf '%s:\n' "$folder"
    [[ ! -d $folder ]] || ls -lA --time-style=full-iso -- "$folder"
  done
}

list_device_files() {
  local folder
  for folder in "${HOST_ROOT%/}/dev" "$DEV_ROOT"; do
    find "$folder" -maxdepth 2 -name 'nvidia*' -ls
  done
  printf 'missing:\n'
  find_missing_devices "${HOST_ROOT%/}/dev"
  ((${#MISSING_DEVICES[@]} == 0)) || printf '%s\n' "${MISSING_DEVICES[@]}"
}

print_os_release() {
  local file
  file=$(os_release_file)
  [[ -n $file ]] || { printf 'the host has no os-release\n' >&2 && return 1; }
  copy_file "$file"
}

print_mounts() {
  local folder
  for folder in "$DRIVERS_DIR" "$STATE_DIR"; do
    printf '%s: %s\n' "$folder" "$(mount_options "$folder")"
    df --output=source,fstype,size,used,avail,pcent,iavail,target -- "$(existing_ancestor "$folder")"
  done
}

print_users() {
  local user
  while IFS= read -r user; do
    make_printable user
    printf '%s\n' "$user"
  done < <(describe_users)
}

# Without a loaded driver, nvidia-smi would try to load one.
print_nvidia_smi() {
  is_loaded nvidia || { printf 'the driver is not loaded\n' >&2 && return 1; }
  exec env LD_LIBRARY_PATH="$DRIVERS_DIR/current/lib" "$DRIVERS_DIR/current/bin/nvidia-smi" -q
}
