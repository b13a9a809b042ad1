# shellcheck shell=bash
# NVIDIA's devices on the PCI bus, from sysfs.

readonly PCI_DEVICES=$SYSFS_ROOT/bus/pci/devices

# PCI addresses of this host's devices, and of GPUs that are reserved for virtual machines (guests).
declare -a GPUS=() NVSWITCHES=() GUEST_GPUS=()
# By address: the device id as a number, and the driver that holds the device if it is not NVIDIA's.
declare -A DEVICE_IDS=() HOLDERS=()

# Sets the variables above, and the node's fabric. Classes by the PCI Code and ID Assignment Specification: 0300 is a VGA
# controller, 0302 a 3D controller, 0680 an "other" bridge: NVSwitches, and parts of NVIDIA's old chipsets, which have drivers of
# their own. NVIDIA's audio and USB functions are left out.
scan_pci_bus() {
  local folder vendor class id address
  local -A classes=()
  GPUS=() NVSWITCHES=() GUEST_GPUS=() DEVICE_IDS=()
  for folder in "$PCI_DEVICES"/*; do
    { read -r vendor <"$folder/vendor" && read -r class <"$folder/class" && read -r id <"$folder/device"; } 2>/dev/null ||
      continue
    [[ $vendor == 0x10de && $class == 0x0@(300|302|680)?? ]] || continue
    address=${folder##*/}
    # shellcheck disable=SC2004,SC2034 # words and not numbers: the arrays are associative; used in module-type.sh
    classes[$address]=$class DEVICE_IDS[$address]=$((id))
  done
  read_holders "${!classes[@]}"
  for folder in "$PCI_DEVICES"/*; do
    address=${folder##*/}
    case ${classes[$address]:-} in
      0x03*) if is_guests "$address"; then GUEST_GPUS+=("$address"); else GPUS+=("$address"); fi ;;
      0x06*) [[ -v HOLDERS[$address] ]] || NVSWITCHES+=("$address") ;;
    esac
  done
  find_fabric
}

# Sets HOLDERS. It starts a program only if a driver other than NVIDIA's holds a device.
read_holders() { # ADDRESS…
  local address link target
  local -a links=()
  HOLDERS=()
  for address; do
    link=$PCI_DEVICES/$address/driver
    if [[ ! -L $link ]]; then
      # The kernel offers the device only to this driver; "(null)": to all.
      { read -r target <"$PCI_DEVICES/$address/driver_override"; } 2>/dev/null || continue
      # shellcheck disable=SC2004 # a word and not a number: the array is associative
      if is_guest_driver "$target"; then HOLDERS[$address]=$target; fi
    elif [[ ! $link -ef $SYSFS_ROOT/bus/pci/drivers/nvidia && ! $link -ef $SYSFS_ROOT/bus/pci/drivers/nvidia-nvswitch ]]; then
      links+=("$link")
    fi
  done
  ((${#links[@]} > 0)) || return 0
  while IFS=$'\t' read -r link target; do
    address=${link%/driver}
    # shellcheck disable=SC2004 # a word and not a number: the array is associative
    [[ ${target##*/} == nvidia?(-nvswitch) ]] || HOLDERS[${address##*/}]=${target##*/}
  done < <(find "${links[@]}" -maxdepth 0 -printf '%p\t%l\n' 2>/dev/null)
}

is_guests() { # ADDRESS
  is_guest_driver "${HOLDERS[$1]:-}"
}

# vfio-pci, its variants such as nvgrace_gpu_vfio_pci, the kernel's pci-stub, and Xen's pciback.
is_guest_driver() { # DRIVER
  [[ $1 == @(*vfio*|pci-stub|*pciback) ]]
}

# Ends the run without a GPU. An NVSwitch counts, because NVIDIA's module loads for it alone: on some hosts all GPUs belong to
# virtual machines.
check_gpu() {
  local -r what="keep this image off the node, or set REQUIRE_GPU=false"
  ((${#GPUS[@]} + ${#NVSWITCHES[@]} == 0)) || return 0
  [[ $REQUIRE_GPU == true ]] || return 0
  ((${#GUEST_GPUS[@]} == 0)) || fail "$EXIT_NO_GPU" \
    "this node has no NVIDIA GPU of its own: all belong to guests ($(describe_holders "${GUEST_GPUS[@]}")); $what"
  fail "$EXIT_NO_GPU" "this node has no NVIDIA GPU: none is on its PCI bus; $what"
}

# Prints `vfio-pci holds 0000:3b:00.0` for each device.
describe_holders() { # ADDRESS…
  local address words=
  for address; do
    words+="${words:+, }${HOLDERS[$address]} holds $address"
  done
  printf '%s' "$words"
}
