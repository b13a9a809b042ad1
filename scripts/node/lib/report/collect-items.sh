# shellcheck shell=bash
# The content of the archive of `nvidia-installer collect`. Nothing secret belongs in it: of processes only the number, name and pod,
# of the environment only the installer's settings, of the kernel's command line only what concerns drivers.

readonly MAX_MESSAGES=2000
readonly ABOUT_DRIVERS='nvidia|nvrm|nouveau|nova|xid|lockdown|unsigned module|module verification|loadpin|vfio|pcie|pci .*error|\baer\b|dmar|iommu|io_page_fault|avc: .*denied.*module_load'
# The kernel logs its command line, and audit those of processes.
readonly COMMAND_LINES='command line|argc=|proctitle=|\ba[0-9]+='
readonly DRIVER_PARAMETERS='^((nvidia|nouveau|nova|vfio|iommu|pcie|drm|module|loadpin|firmware_class)[_a-z-]*(\.[A-Za-z0-9_]+)?|'\
'(rd\.driver|modprobe)\.blacklist|initcall_blacklist|pci|(intel|amd)_iommu|lockdown|lsm|security|selinux|enforcing|apparmor|'\
'efi|video|mem|hugepages|hugepagesz|default_hugepagesz|swiotlb)='

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
  for folder in "$DRIVERS_DIR" "$STATE_DIR" "$STATE_DIR/validations"; do
    printf '%s:\n' "$folder"
    [[ ! -d $folder ]] || ls -lA --time-style=full-iso -- "$folder"
  done
}

# Prints the kernel's release, its relevant switches, the search path of firmware, and the command line.
print_kernel() {
  local words
  printf 'release: %s\nmachine: %s\nuptime: %s seconds\n' "$(uname -r)" "$(uname -m)" "$(uptime_seconds)"
  print_attributes "$SYSFS_ROOT/module/module/parameters/sig_enforce" "$SYSFS_ROOT/kernel/security/lockdown" "$FIRMWARE_PATH" \
    "$SYSFS_ROOT/fs/selinux/enforce" "$PROC_ROOT/sys/kernel"/{modules_disabled,tainted,loadpin/enforce,loadpin/enabled}
  read -r words <"$PROC_ROOT/cmdline"
  printf 'command line: %s\n' "$(hide_values "$words")"
}

# Prints the command line of the kernel without values that are not about drivers, and without the words for init (after --): these
# may be passwords.
hide_values() { # WORDS
  local rest=$1 word out=
  while [[ $rest =~ ^[[:space:]]*([^[:space:]].*)$ && ${BASH_REMATCH[1]} =~ $FIRST_WORD ]]; do
    word=${BASH_REMATCH[1]}
    rest=${BASH_REMATCH[3]}
    [[ $word != -- ]] || break
    [[ $word != *=* || ${word#\"} =~ $DRIVER_PARAMETERS ]] || word="${word%%=*}=?"
    out+="${out:+ }$word"
  done
  printf '%s' "$out"
}

print_kernel_messages() {
  dmesg | { grep -iE "$ABOUT_DRIVERS" || true; } | { grep -viE "$COMMAND_LINES" || true; } | tail -n "$MAX_MESSAGES"
}

# Prints PATH: VALUE for each file that can be read, on one line.
print_attributes() { # FILE…
  local file value
  for file; do
    value=$(cat -- "$file" 2>/dev/null) || continue
    printf '%s: %s\n' "$file" "${value//$'\n'/; }"
  done
}

print_module_parameters() {
  print_attributes "$SYSFS_ROOT/module/nvidia"*/{version,srcversion,refcnt,taint} "$SYSFS_ROOT/module/nvidia"*/parameters/*
  printf 'given by the installer:\n'
  copy_if_present "$LOADED_PARAMETERS"
  printf 'read by the driver:\n'
  copy_if_present "$PROC_ROOT/driver/nvidia/params"
}

list_device_files() {
  local folder
  for folder in "${HOST_ROOT%/}/dev" "$DEV_ROOT"; do
    find "$folder" -maxdepth 2 -name 'nvidia*' -ls
  done
  printf 'missing:\n'
  missing_device_files "${HOST_ROOT%/}/dev"
}

# Prints identity, driver, IOMMU group, link and errors of each device of NVIDIA, and of the port that it is attached to.
print_pci_devices() {
  local device vendor
  for device in "$SYSFS_ROOT"/bus/pci/devices/*; do
    { read -r vendor <"$device/vendor"; } 2>/dev/null || continue
    [[ $vendor == 0x10de ]] || continue
    printf '%s\n' "${device##*/}"
    printf '  driver: %s\n  IOMMU group: %s\n  port: %s\n' "$(name_of "$device/driver")" "$(name_of "$device/iommu_group")" \
      "$(name_of "$device/..")"
    print_attributes "$device"/{class,device,revision,subsystem_vendor,subsystem_device,driver_override,iommu_group/type,enable,resource} \
      "$device"/{power_state,power/runtime_status,numa_node,sriov_numvfs} \
      "$device"/{,../}{{current,max}_link_{speed,width},aer_dev_{correctable,nonfatal,fatal}} | sed "s,^$device/,  ,"
  done
}

# Prints the last part of a link's target; nothing for what is no link.
name_of() { # PATH
  local target
  target=$(readlink -f -- "$1") || return 0
  [[ ! -e $1 ]] || printf '%s' "${target##*/}"
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
