# shellcheck shell=bash
# Starts the programs of the node's fabric.

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
      [[ $mask =~ ^0x[0-9a-fA-F]+$ && $gid == fe80:* ]] || continue
      (((mask & 1 << 10) == 0)) || continue
      IFS=: read -r -a parts <<<"$gid"
      ((${#parts[@]} == 8)) || continue
      PORT_GUID=0x${parts[4]}${parts[5]}${parts[6]}${parts[7]}
      return 0
    done
  done
  return 1
}
