# shellcheck shell=bash
# What the PCI bus holds of NVIDIA's, as sysfs shows it.

# PCI addresses, and the device id of each as a number.
declare -a GPUS=() NVSWITCHES=()
declare -A DEVICE_IDS=()

# Classes: PCI Code and ID Assignment Specification; 0300 is a VGA controller, 0302 a 3D controller, 0680 a bridge that is
# none of the usual ones, as which NVSwitches show themselves. NVIDIA's audio and USB functions are no concern of ours.
read_bus() {
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

# An NVSwitch counts: NVIDIA's module loads where there is nothing else (a baseboard whose GPUs belong to guests).
check_gpu() {
  ((${#GPUS[@]} + ${#NVSWITCHES[@]} == 0)) || return 0
  [[ $REQUIRE_GPU == true ]] || return 0
  fail "$EXIT_NO_GPU" \
    "this node has no NVIDIA GPU: none is on its PCI bus; keep this image off the node, or set REQUIRE_GPU=false"
}
