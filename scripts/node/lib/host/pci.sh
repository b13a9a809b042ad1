# shellcheck shell=bash
# NVIDIA's devices on the PCI bus, from sysfs.

# PCI addresses of the devices, and the device id of each address as a number.
declare -a GPUS=() NVSWITCHES=()
declare -A DEVICE_IDS=()

# Sets GPUS, NVSWITCHES and DEVICE_IDS. Classes by the PCI Code and ID Assignment Specification: 0300 is a VGA controller, 0302
# a 3D controller, 0680 an "other" bridge, the class of NVSwitches. NVIDIA's audio and USB functions are left out.
scan_pci_bus() {
  local folder vendor class id
  GPUS=() NVSWITCHES=() DEVICE_IDS=()
  for folder in "$SYSFS_ROOT"/bus/pci/devices/*; do
    { read -r vendor <"$folder/vendor" && read -r class <"$folder/class" && read -r id <"$folder/device"; } 2>/dev/null ||
      continue
    [[ $vendor == 0x10de ]] || continue
    case $class in
      0x0300?? | 0x0302??) GPUS+=("${folder##*/}") ;;
      0x0680??) NVSWITCHES+=("${folder##*/}") ;;
      *) continue ;;
    esac
    # shellcheck disable=SC2034 # used in module-type.sh
    DEVICE_IDS[${folder##*/}]=$((id))
  done
}

# Ends the run without a GPU. An NVSwitch counts, because NVIDIA's module loads for it alone: on some hosts all GPUs belong to
# virtual machines.
check_gpu() {
  ((${#GPUS[@]} + ${#NVSWITCHES[@]} == 0)) || return 0
  [[ $REQUIRE_GPU == true ]] || return 0
  fail "$EXIT_NO_GPU" \
    "this node has no NVIDIA GPU: none is on its PCI bus; keep this image off the node, or set REQUIRE_GPU=false"
}
