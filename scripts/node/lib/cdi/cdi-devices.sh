# shellcheck shell=bash
# The devices that containers can ask for: GPUs, and the compute instances of partitioned GPUs (MIG).
# shellcheck disable=SC2153 # NUMBER and PCI_DEVICES are set in devices.sh and pci.sh

# Lines of NAME FILE…: a name of a device, and its device files on the host. The index and the UUID are two names of each device.
declare -a CDI_DEVICES=()

read_cdi_devices() {
  CDI_DEVICES=()
  if needs_nvidia_smi; then add_listed_devices; else add_gpus; fi
}

# procfs lacks the UUID of a GPU that no program has used since the driver was loaded, and those of compute instances.
needs_nvidia_smi() {
  local -a instances=("$PROC_ROOT"/driver/nvidia/capabilities/gpu*/mig/gi*/ci*)
  [[ -e ${instances[0]} ]] || grep -qsF 'GPU-?' "$PROC_ROOT"/driver/nvidia/gpus/*/information
}

# Adds the GPUs of procfs, in the order of their PCI addresses: so NVIDIA's programs count them.
add_gpus() {
  local file uuid
  local -i index=0
  for file in "$PROC_ROOT"/driver/nvidia/gpus/*/information; do
    read_number "$file" "Device Minor" || continue
    uuid=$(sed -nE 's/^GPU UUID:[[:space:]]*(GPU-[0-9a-f-]+)[[:space:]]*$/\1/p' -- "$file")
    file=${file%/information}
    add_gpu "$index" "$uuid" "$NUMBER" "${file##*/}"
    index+=1
  done
}

# Adds a GPU with its files below /dev/dri, which nvidia-drm creates.
add_gpu() { # INDEX UUID MINOR PCI-ADDRESS
  local file
  local -a files=("/dev/nvidia$3")
  for file in "$PCI_DEVICES/$4"/drm/{card,renderD}[0-9]*; do
    file=/dev/dri/${file##*/}
    [[ ! -c ${HOST_ROOT%/}$file ]] || files+=("$file")
  done
  add_cdi_device "$1" "$2" "${files[@]}"
}

add_cdi_device() { # INDEX UUID FILE…
  local -r index=$1 uuid=$2
  shift 2
  CDI_DEVICES+=("$index $*")
  [[ -z $uuid ]] || CDI_DEVICES+=("$uuid $*")
}

# Adds the devices that nvidia-smi lists; without it, the GPUs of procfs.
add_listed_devices() {
  local table list
  if table=$(run_nvidia_smi -q -x) && list=$(run_nvidia_smi -L); then
    add_listed_gpus "$table" "$list"
  else
    log_output "$table"
    log "nvidia-smi cannot list the GPUs (see above), so containers can ask for some by their index only, and for no MIG device"
    add_gpus
  fi
}

# Reads two outputs of nvidia-smi. The table (-q -x) has the ids of the instances, the list (-L) their UUIDs. Each element of the table
# has a line of its own. Sources: nvidia-smi(1), and NVIDIA's MIG user guide.
add_listed_gpus() { # TABLE LIST
  local line value address='' uuid='' minor='' in_instance=false
  local -i index=-1
  local -a instances=()
  while read -r line; do
    value=${line#*>}
    value=${value%%<*}
    case $line in
      '<gpu id="'*) index+=1 instances=() uuid='' minor='' address=${line#*\"} address=${address%%\"*} ;;
      '<mig_device>') in_instance=true instances+=('') ;;
      '</mig_device>') in_instance=false ;;
      '<index>'* | '<gpu_instance_id>'* | '<compute_instance_id>'*) ! "$in_instance" || instances[-1]+=" $value" ;;
      '<uuid>'*) uuid=$value ;;
      '<minor_number>'*) minor=$value ;;
      '</gpu>')
        [[ $minor =~ ^[0-9]+$ && $uuid =~ ^GPU-[0-9a-f-]+$ ]] || continue
        if ((${#instances[@]} > 0)); then
          add_instances "$index" "$minor" "$2" "${instances[@]}"
        else
          address=${address#0000}
          add_gpu "$index" "$uuid" "$minor" "${address,,}"
        fi
        ;;
    esac
  done <<<"$1"
}

# Adds the compute instances of a GPU. Programs need the files of the GPU, its instance and the compute instance.
add_instances() { # INDEX MINOR LIST 'INDEX GPU-INSTANCE COMPUTE-INSTANCE'…
  local -r gpu=$1 minor=$2 list=$3
  local instance number gpu_instance compute_instance folder uuid
  local -a files
  shift 3
  for instance; do
    read -r number gpu_instance compute_instance _ <<<"$instance"
    folder=$PROC_ROOT/driver/nvidia/capabilities/gpu$minor/mig/gi$gpu_instance
    files=("/dev/nvidia$minor")
    read_number "$folder/access" DeviceFileMinor || continue
    files+=("/dev/nvidia-caps/nvidia-cap$NUMBER")
    read_number "$folder/ci$compute_instance/access" DeviceFileMinor || continue
    files+=("/dev/nvidia-caps/nvidia-cap$NUMBER")
    uuid=$(sed -nE "/^GPU $gpu:/,/^GPU $((gpu + 1)):/s/^ *MIG .* Device +$number: \(UUID: (MIG-[0-9a-f-]+)\).*/\1/p" <<<"$list")
    add_cdi_device "$gpu:$number" "$uuid" "${files[@]}"
  done
}
