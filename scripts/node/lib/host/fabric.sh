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
  elif has_nvlink5_switches; then
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

# The reason why the programs of the fabric could not be started; empty without one.
FABRIC_FAULT=

# Starts the programs of the fabric. nvlsm and the fabric manager meet at a socket in their container, so with NVLink 5 one that
# still runs, perhaps from another container, is ended first.
start_fabric() { # FOLDER
  local pid name
  local -a port=()
  is_due nv-fabricmanager || return 0
  FABRIC_FAULT=
  write_fabric_configuration "$1"
  if [[ $FABRIC == nvlink5 ]]; then
    if ! prepare_bridges; then
      note_start nv-fabricmanager
      log "$FABRIC_FAULT"
      return 0
    fi
    while read -r pid name; do
      stop_daemon "$pid" "$name"
    done < <(our_daemons | grep -E ' (nvlsm|nv-fabricmanager)$')
    port=(-g "$PORT_GUID")
    start_daemon nvlsm "$1" -F "$DRIVERS_DIR/$1/share/nvidia/nvlsm/nvlsm.conf" "${port[@]}"
  fi
  start_daemon nv-fabricmanager "$1" -c "$STATE_DIR/fabricmanager.cfg" "${port[@]}"
}

# Configures the fabric manager to run in the foreground, log to stderr, and read its tables from the driver's folder. Makes the
# folder of its socket.
write_fabric_configuration() { # FOLDER
  local -r folder=$DRIVERS_DIR/$1/share/nvidia/nvswitch
  local -r socket=$'(^|\n)FM_SM_IPC_INTERFACE=(/[^\n]+)/[^\n]+'
  local text
  text=$(sed -E -e 's/^DAEMONIZE=.*/DAEMONIZE=0/' -e 's/^LOG_FILE_NAME=.*/LOG_FILE_NAME=/' \
    -e "s,^(TOPOLOGY_FILE_PATH|DATABASE_PATH)=.*,\1=$folder," "$folder/fabricmanager.cfg" 2>/dev/null) || true
  write_file "$STATE_DIR/fabricmanager.cfg" "$text"
  if [[ $text =~ $socket ]]; then run mkdir -p -- "${BASH_REMATCH[2]}"; fi
}

# Loads the kernel's modules for the InfiniBand devices, and sets PORT_GUID. They stay loaded.
prepare_bridges() {
  local -a devices=("$INFINIBAND"/*)
  if [[ ! -e ${devices[0]} ]]; then
    try "the kernel's module mlx5_ib does not load" modprobe -d "$HOST_ROOT" mlx5_ib || true
  fi
  is_loaded ib_umad || try "the kernel's module ib_umad does not load" modprobe -d "$HOST_ROOT" ib_umad ||
    { FABRIC_FAULT=$NO_UMAD && return 1; }
  find_port_guid || {
    FABRIC_FAULT="no InfiniBand device reaches this node's NVLink 5 switches (SW_MNG in its VPD, and a port where a subnet manager \
may run), so the fabric manager cannot start; load the kernel's module mlx5_ib, or set FABRIC_MANAGER=off in a virtual machine"
    return 1
  }
}

# The first port of the switches where a subnet manager may run: bit 10 of its capabilities (IsSMdisabled in the InfiniBand
# specification, "PortInfo") is clear. Its GUID is the second half of its first address.
find_port_guid() {
  local device port mask gid
  local -a parts
  for device in "$INFINIBAND"/*; do
    grep -qsF SW_MNG "$device/device/vpd" || continue
    for port in "$device"/ports/*; do
      { read -r mask <"$port/cap_mask" && read -r gid <"$port/gids/0"; } 2>/dev/null || continue
      [[ $mask =~ ^0x[0-9a-fA-F]+$ && $gid == fe80:* ]] && ((!(mask & 1 << 10))) || continue
      IFS=: read -r -a parts <<<"$gid"
      ((${#parts[@]} == 8)) || continue
      PORT_GUID=0x${parts[4]}${parts[5]}${parts[6]}${parts[7]}
      return 0
    done
  done
  return 1
}
