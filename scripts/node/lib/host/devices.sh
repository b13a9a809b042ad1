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
      make_device_file "$folder" "$name" "$major" "$minor" "$mode"
    done < <(missing_device_files "$folder")
    [[ $HOST_ROOT != / ]] || break
  done
}

# Prints the lines of device_files whose file or link is missing or wrong in a folder.
missing_device_files() { # FOLDER
  local number path line
  local -a lines paths words
  local -A present=()
  mapfile -t lines < <(device_files)
  paths=("${lines[@]/#/"$1/"}")
  while read -r number path; do
    present[$path]=$number
  done < <(stat --printf='%t:%T %n\n' -- "${paths[@]/%\ */}" 2>/dev/null)
  for line in "${lines[@]}"; do
    read -r -a words <<<"$line"
    path=$1/${words[0]}
    printf -v number '%x:%x' "${words[@]:1:2}"
    [[ ${present[$path]:-} == "$number" && $1/char/${words[1]}:${words[2]} -ef $path ]] || printf '%s\n' "$line"
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
  for file in "$PROC_ROOT"/driver/nvidia/gpus/*/information; do
    number=$(value_in "$file" "Device Minor")
    [[ -z $number ]] || printf '%s\n' "nvidia$number $NVIDIA_MAJOR $number 666"
  done
  if [[ -v majors[nvidia-uvm] ]]; then
    printf '%s\n' "nvidia-uvm ${majors[nvidia-uvm]} 0 666" "nvidia-uvm-tools ${majors[nvidia-uvm]} 1 666"
  fi
  if [[ -v majors[nvidia-nvswitch] ]]; then nvswitch_files "${majors[nvidia-nvswitch]}"; fi
  if [[ -v majors[nvidia-caps] ]]; then capability_files "${majors[nvidia-caps]}"; fi
}

# Prints the number after `KEY:` in a file of procfs; nothing without one.
value_in() { # FILE KEY
  local key value
  { while IFS=: read -r key value; do
    [[ $key != "$2" || ! $value =~ ^[[:space:]]*([0-9]+) ]] || { printf '%s' "${BASH_REMATCH[1]}" && return 0; }
  done <"$1"; } 2>/dev/null || true
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

# Prints the files that give access to a GPU's partitions (MIG): two to create them, and one for each instance. The driver gives
# their mode, in decimal.
capability_files() { # MAJOR
  local -r folder=$PROC_ROOT/driver/nvidia/capabilities
  local file minor mode
  for file in "$folder"/mig/{config,monitor} "$folder"/gpu*/mig/gi*/{,ci*/}access; do
    minor=$(value_in "$file" DeviceFileMinor)
    mode=$(value_in "$file" DeviceFileMode)
    [[ -z $minor ]] || printf '%s %o\n' "nvidia-caps/nvidia-cap$minor $1 $minor" "${mode:-256}"
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
