# shellcheck shell=bash
# A kernel that loads signed modules only: the image's own, which are not, and then those of /homes.

section "lockdown" cat /sys/kernel/security/lockdown
section "listing before" listing
section "unsigned" nvidia-installer install
section "listing after" listing
section "stranger" env NVIDIA_INSTALLER_HOME=/homes/stranger nvidia-installer install
section "trusted" env NVIDIA_INSTALLER_HOME=/homes/trusted nvidia-installer install
section "modules" grep ^nvidia /proc/modules
section "taint" cat /proc/sys/kernel/tainted
