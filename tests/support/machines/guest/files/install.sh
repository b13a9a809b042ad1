# shellcheck shell=bash
# What a node goes through with each of the image's module types: install, again, status, what the kernel says, uninstall.

# The machine has an NVSwitch, and Debian has no fabric manager for it.
export FABRIC_MANAGER=off

# Every time that a write would change, and nothing that reading changes.
times() {
  find /host -xdev -printf '%p %i %s %T@ %C@\n' | sort
}

loaded() {
  grep -E '^nvidia' /proc/modules
}

parameters() {
  echo "uvm_disable_hmm=$(</sys/module/nvidia_uvm/parameters/uvm_disable_hmm)"
}

section "kernel release" cat /proc/sys/kernel/osrelease
section "listing before" listing
read -ra types < <(sed -n 's/^MODULE_TYPES=//p' /opt/nvidia-installer/manifest.env)
for type in "${types[@]}"; do
  export KERNEL_MODULE_TYPE=$type
  section "install $type" nvidia-installer install
  section "modules $type" loaded
  section "version $type" cat /proc/driver/nvidia/version
  section "devices $type" cat /proc/devices
  section "nodes $type" ls -lR /dev/char /host/dev --hide 'tty*'
  section "parameters $type" parameters
  section "taint $type" cat /proc/sys/kernel/tainted
  section "status $type" nvidia-installer status --json
  section "times before $type" times
  section "again $type" nvidia-installer install
  section "times after $type" times
  section "kernel $type" dmesg
done
section "uninstall" nvidia-installer uninstall
section "loaded after" cat /proc/modules
section "listing after" listing
section "uninstall again" nvidia-installer uninstall
