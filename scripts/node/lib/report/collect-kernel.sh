# shellcheck shell=bash
# The kernel's side of the archive of `nvidia-installer collect`: messages, command line, modules and PCI devices.

readonly MAX_MESSAGES=2000
readonly ABOUT_DRIVERS='nvidia|nvrm|nouveau|nova|xid|lockdown|unsigned module|module verification|loadpin|vfio|pcie|'\
'pci .*error|\baer\b|dmar|iommu|io_page_fault|avc: .*denied.*module_load'
# The kernel logs its command line, and audit those of processes.
readonly COMMAND_LINES='command line|argc=|proctitle=|\ba[0-9]+='
readonly DRIVER_PARAMETERS='^((nvidia|nouveau|nova|vfio|iommu|pcie|drm|module|loadpin|firmware_class)[_a-z-]*(\.[A-Za-z0-9_]+)?|'\
'(rd\.driver|modprobe)\.blacklist|initcall_blacklist|pci|(intel|amd)_iommu|lockdown|lsm|security|selinux|enforcing|apparmor|'\
'efi|video|mem|hugepages|hugepagesz|default_hugepagesz|swiotlb)='

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
