# shellcheck shell=bash
# A node that goes from an old image, in /homes/old, to that of its file system, and back.

# The machine has an NVSwitch, and Debian has no fabric manager for it.
export FABRIC_MANAGER=off

installs() { # NAME HOME
  export NVIDIA_INSTALLER_HOME=$2
  section "install $1" "$2/bin/nvidia-installer" install
  section "version $1" cat /sys/module/nvidia/version
  section "status $1" "$2/bin/nvidia-installer" status --json
}

section "kernel release" cat /proc/sys/kernel/osrelease
installs old /homes/old
installs new /opt/nvidia-installer
installs "old again" /homes/old
section "kernel" dmesg
