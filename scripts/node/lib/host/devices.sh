# shellcheck shell=bash
# Device files. Neither the driver nor udev creates them. Source of the numbers and names:
# https://github.com/NVIDIA/nvidia-modprobe, modprobe-utils/nvidia-modprobe-utils.{c,h}.

readonly NVIDIA_MAJOR=195

# Lines of NAME MAJOR MINOR MODE: the devices of the loaded driver, and those whose file or link is missing in a folder.
declare -a DEVICES=() MISSING_DEVICES=()

make_device_files() {
  local folder device
  local -a words
  for folder in "${HOST_ROOT%/}/dev" "$DEV_ROOT"; do
    if [[ ! -d $folder ]]; then
      log "cannot create device files in $folder, which is not a folder; mount the host's /dev there"
      continue
    fi
    find_missing_devices "$folder"
    for device in "${MISSING_DEVICES[@]}"; do
      read -r -a words <<<"$device"
      make_device_file "$folder" "${words[@]}"
    done
    [[ $HOST_ROOT != / ]] || break
  done
}

has_device_files() {
  find_missing_devices "${HOST_ROOT%/}/dev"
  ((${#MISSING_DEVICES[@]} == 0))
}

# Sets MISSING_DEVICES, without a program. A file of another number has no link of the right one.
find_missing_devices() { # FOLDER
  local device name major minor
  MISSING_DEVICES=()
  read_devices
  for device in "${DEVICES[@]}"; do
    read -r name major minor _ <<<"$device"
    [[ $1/char/$major:$minor -ef $1/$name ]] || MISSING_DEVICES+=("$device")
  done
}

# Sets DEVICES.
read_devices() {
  local file number name
  local -A majors=()
  while read -r number name; do
    [[ $name != nvidia* ]] || majors[$name]=$number
  done <"$PROC_ROOT/devices"
  DEVICES=("nvidiactl $NVIDIA_MAJOR 255 666" "nvidia-modeset $NVIDIA_MAJOR 254 666")
  for file in "$PROC_ROOT"/driver/nvidia/gpus/*/information; do
    if read_number "$file" "Device Minor"; then DEVICES+=("nvidia$NUMBER $NVIDIA_MAJOR $NUMBER 666"); fi
  done
  if [[ -v majors[nvidia-uvm] ]]; then
    DEVICES+=("nvidia-uvm ${majors[nvidia-uvm]} 0 666" "nvidia-uvm-tools ${majors[nvidia-uvm]} 1 666")
  fi
  if [[ -v majors[nvidia-nvswitch] ]]; then add_nvswitches "${majors[nvidia-nvswitch]}"; fi
  if [[ -v majors[nvidia-caps] ]]; then add_capabilities "${majors[nvidia-caps]}"; fi
}

NUMBER=

# Sets NUMBER to the number after `KEY:` in a file of procfs; fails without one.
read_number() { # FILE KEY
  local key value
  [[ -r $1 ]] || return 1
  while IFS=: read -r key value; do
    [[ $key == "$2" && $value =~ ^[[:space:]]*([0-9]+) ]] || continue
    NUMBER=${BASH_REMATCH[1]}
    return 0
  done <"$1"
  return 1
}

add_nvswitches() { # MAJOR
  local folder
  local -i number=0
  DEVICES+=("nvidia-nvswitchctl $1 255 666")
  for folder in "$PROC_ROOT"/driver/nvidia-nvswitch/devices/*; do
    [[ -e $folder ]] || continue
    DEVICES+=("nvidia-nvswitch$number $1 $number 666")
    number+=1
  done
}

# Adds the files that give access to a GPU's partitions (MIG): two to create them, and one for each instance. The driver gives
# their mode, in decimal.
add_capabilities() { # MAJOR
  local -r folder=$PROC_ROOT/driver/nvidia/capabilities
  local file minor mode
  for file in "$folder"/mig/{config,monitor} "$folder"/gpu*/mig/gi*/{,ci*/}access; do
    read_number "$file" DeviceFileMinor || continue
    minor=$NUMBER
    mode=256
    if read_number "$file" DeviceFileMode; then mode=$NUMBER; fi
    printf -v mode '%o' "$mode"
    DEVICES+=("nvidia-caps/nvidia-cap$minor $1 $minor $mode")
  done
}

# systemd finds devices by their link in /dev/char. Without the link, a reload of systemd removes the GPU from running
# containers (https://github.com/NVIDIA/nvidia-container-toolkit/issues/48).
make_device_file() { # FOLDER NAME MAJOR MINOR MODE
  local -r path=$1/$2
  local wanted
  printf -v wanted '%x:%x' "$3" "$4"
  [[ -d ${path%/*} ]] || run mkdir -p -- "${path%/*}"
  [[ -d $1/char ]] || run mkdir -p -- "$1/char"
  if [[ $(stat --printf=%t:%T -- "$path" 2>/dev/null) != "$wanted" ]]; then
    [[ ! -e $path ]] || run rm -f -- "$path"
    run mknod -m "$5" "$path" c "$3" "$4"
  fi
  run ln -sfn -- "../$2" "$1/char/$3:$4"
}

remove_device_files() {
  local folder
  for folder in "${HOST_ROOT%/}/dev" "$DEV_ROOT"; do
    [[ -d $folder ]] || continue
    [[ ! -d $folder/char ]] || run find "$folder/char" -maxdepth 1 -lname '../nvidia*' -delete
    run find "$folder" -maxdepth 1 -regex '.*/nvidia\([0-9]+\|ctl\|-modeset\|-uvm\|-uvm-tools\|-nvswitch[0-9]+\|-nvswitchctl\)' -delete
    run rm -rf -- "$folder/nvidia-caps"
    [[ $HOST_ROOT != / ]] || break
  done
}
