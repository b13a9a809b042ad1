# shellcheck shell=bash
# Device files. Neither the driver nor udev creates them. Source of the numbers and names:
# https://github.com/NVIDIA/nvidia-modprobe, modprobe-utils/nvidia-modprobe-utils.{c,h}.

readonly NVIDIA_MAJOR=195

make_device_files() {
  local folder name major minor mode
  for folder in "${HOST_ROOT%/}/dev" "$DEV_ROOT"; do
    if [[ ! -d $folder ]]; then
      log "cannot create device files in $folder, which is not a folder; mount the host's /dev there"
      continue
    fi
    while read -r name major minor mode; do
      ensure_device_file "$folder" "$name" "$major" "$minor" "$mode"
    done < <(device_files)
    [[ $HOST_ROOT != / ]] || break
  done
}

# Prints NAME MAJOR MINOR MODE for each device of the loaded driver.
device_files() {
  local file number name
  local -A majors=()
  while read -r number name; do
    [[ $name != nvidia* ]] || majors[$name]=$number
  done <"$PROC_ROOT/devices"
  printf '%s\n' "nvidiactl $NVIDIA_MAJOR 255 666" "nvidia-modeset $NVIDIA_MAJOR 254 666"
  sed -nE "s/^Device Minor:[[:space:]]*([0-9]+)\$/nvidia\1 $NVIDIA_MAJOR \1 666/p" \
    "$PROC_ROOT"/driver/nvidia/gpus/*/information 2>/dev/null || true
  if [[ -v majors[nvidia-uvm] ]]; then
    printf '%s\n' "nvidia-uvm ${majors[nvidia-uvm]} 0 666" "nvidia-uvm-tools ${majors[nvidia-uvm]} 1 666"
  fi
  if [[ -v majors[nvidia-nvswitch] ]]; then nvswitch_files "${majors[nvidia-nvswitch]}"; fi
  for file in "$PROC_ROOT"/driver/nvidia/capabilities/mig/{config,monitor}; do
    if [[ -v majors[nvidia-caps] && -r $file ]]; then capability_file "${majors[nvidia-caps]}" "$file"; fi
  done
}

nvswitch_files() { # MAJOR
  local folder
  local -i number=0
  printf '%s\n' "nvidia-nvswitchctl $1 255 666"
  for folder in "$PROC_ROOT"/driver/nvidia-nvswitch/devices/*; do
    [[ -e $folder ]] || continue
    printf '%s\n' "nvidia-nvswitch$number $1 $number 666"
    number+=1
  done
}

# Access to these files allows to partition GPUs (MIG). The driver gives their mode, in decimal.
capability_file() { # MAJOR FILE
  local minor mode
  minor=$(sed -nE 's/^DeviceFileMinor:[[:space:]]*([0-9]+)$/\1/p' "$2")
  mode=$(sed -nE 's/^DeviceFileMode:[[:space:]]*([0-9]+)$/\1/p' "$2")
  [[ -z $minor ]] || printf '%s %o\n' "nvidia-caps/nvidia-cap$minor $1 $minor" "${mode:-256}"
}

# systemd finds devices by their link in /dev/char. Without the link, a reload of systemd removes the GPU from running
# containers (https://github.com/NVIDIA/nvidia-container-toolkit/issues/48).
ensure_device_file() { # FOLDER NAME MAJOR MINOR MODE
  local -r path=$1/$2 link=$1/char/$3:$4
  local wanted present
  printf -v wanted 'character special file %x:%x' "$3" "$4"
  present=$(stat --format='%F %t:%T' -- "$path" 2>/dev/null) || true
  if [[ $present != "$wanted" ]]; then
    [[ -d ${path%/*} ]] || run mkdir -p -- "${path%/*}"
    [[ ! -e $path ]] || run rm -f -- "$path"
    run mknod -m "$5" "$path" c "$3" "$4"
  fi
  present=$(readlink -- "$link" 2>/dev/null) || true
  if [[ $present != "../$2" ]]; then
    [[ -d $1/char ]] || run mkdir -p -- "$1/char"
    run ln -sfn -- "../$2" "$link"
  fi
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
