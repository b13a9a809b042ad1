# shellcheck shell=bash
# The fabric between the GPUs: NVSwitches, which the fabric manager sets up. CUDA starts on none of their GPUs without it.
#
# Up to NVLink 4 the NVSwitches are PCI devices. With NVLink 5 they are not: the node reaches them through InfiniBand devices with
# SW_MNG in their product data (VPD), and needs NVIDIA's subnet manager (nvlsm) too. Source, as far as the detection and the
# arguments go: https://github.com/NVIDIA/gpu-driver-container (ubuntu24.04/nvidia-driver), and NVIDIA's fabric manager user guide.

# HGX B200 (2901, 2909, 290a) and B300 (3182), with eight GPUs. A virtual machine with fewer has no switch.
readonly HGX_IDS=" 2901 2909 290a 3182 "
readonly HGX_GPUS=8
# Compute trays of GB200 and GB300, whose switches are managed by the rack.
readonly TRAY_IDS=" 2941 31c2 31c3 "
readonly FIRST_NVLINK5_ID=0x2900
readonly INFINIBAND=$SYSFS_ROOT/class/infiniband

# none, nvswitch or nvlink5, and the programs that it needs, in the order of their start.
FABRIC=none
declare -a FABRIC_PROGRAMS=()

find_fabric() {
  FABRIC=none FABRIC_PROGRAMS=()
  if ((${#NVSWITCHES[@]} > 0)); then
    FABRIC=nvswitch FABRIC_PROGRAMS=(nv-fabricmanager)
  elif [[ $FABRIC_MANAGER != off ]] && has_nvlink5_switches; then
    FABRIC=nvlink5 FABRIC_PROGRAMS=(nvlsm nv-fabricmanager)
  fi
}

has_nvlink5_switches() {
  local gpu id
  local new=false
  local -i hgx=0
  local -a data
  for gpu in "${GPUS[@]}"; do
    printf -v id '%04x' "${DEVICE_IDS[$gpu]}"
    [[ $TRAY_IDS != *" $id "* ]] || return 1
    ((0x$id < FIRST_NVLINK5_ID)) || new=true
  done
  "$new" || return 1
  # Product data is slow to read, so the record of a started nvlsm counts too.
  [[ ! -e $STATE_DIR/nvlsm.pid ]] || return 0
  data=("$INFINIBAND"/*/device/vpd)
  if [[ -e ${data[0]} ]]; then
    grep -qsF SW_MNG "${data[@]}"
    return
  fi
  for gpu in "${GPUS[@]}" "${GUEST_GPUS[@]}"; do
    printf -v id '%04x' "${DEVICE_IDS[$gpu]}"
    [[ $HGX_IDS != *" $id "* ]] || hgx+=1
  done
  ((hgx >= HGX_GPUS))
}

# Prints off, not needed, missing, running or stopped.
fabric_state() {
  local program state all=running
  if [[ $FABRIC_MANAGER == off ]]; then
    all=off
  elif ((${#FABRIC_PROGRAMS[@]} == 0)); then
    all="not needed"
  else
    for program in "${FABRIC_PROGRAMS[@]}"; do
      state=$(daemon_state "$program")
      if [[ $state == missing || $all != missing && $state == stopped ]]; then all=$state; fi
    done
  fi
  printf '%s' "$all"
}

# Warns, or ends the run, if the node needs a fabric manager that the image or the kernel does not have.
check_fabric_manager() {
  local program missing=
  ((${#FABRIC_PROGRAMS[@]} > 0)) || return 0
  [[ $FABRIC_MANAGER != off ]] || return 0
  for program in "${FABRIC_PROGRAMS[@]}"; do
    image_has_file "bin/$program" || missing+="${missing:+ and no }$program"
  done
  if [[ $FABRIC == nvswitch && -n $missing ]]; then
    refuse_or_warn "this node has an NVSwitch, but this image has no fabric manager; CUDA does not start on GPUs behind it"
  elif [[ -n $missing ]]; then
    refuse_or_warn "this node's GPUs are behind NVLink 5 switches, but this image has no $missing; CUDA does not start on them; use \
an image that has nv-fabricmanager and nvlsm"
  elif [[ $FABRIC == nvlink5 ]] && lacks_umad; then
    refuse_or_warn "$NO_UMAD"
  fi
}

refuse_or_warn() { # MESSAGE
  [[ $FABRIC_MANAGER != required ]] || fail "$EXIT_NO_FABRIC_MANAGER" "$1"
  log "$1"
}

readonly NO_UMAD="this node's NVLink 5 switches are reached through the kernel's module ib_umad, which this kernel does not have or \
does not load; install the host's package of InfiniBand modules, or use another kernel"

# Succeeds if the host's kernel surely has no ib_umad.
lacks_umad() {
  local -r folder=${HOST_ROOT%/}/lib/modules/${IMAGE[KERNEL_RELEASE]}
  ! is_loaded ib_umad && [[ -f $folder/modules.dep ]] &&
    ! grep -qs '/ib_umad\.ko' "$folder/modules.dep" "$folder/modules.builtin"
}
