# shellcheck shell=bash
# Which driver drives which GPU: the list of the very driver, and for GPUs that are not in it (some are missing, such as the T4 in
# the lists of 535 to 555), a table of id ranges. Below, "list" is NVIDIA's supported-gpus.json, and "open modules" the README of
# https://github.com/NVIDIA/open-gpu-kernel-modules, by its tags. Names and borders: https://pci-ids.ucw.cz/read/PC/10de.
# The table has whole branches only: a GPU often works with a branch before the first of its versions that lists the GPU.

# Lines `DEVID open|proprietary|both|legacy:BRANCH`, from lifecycle/pipeline/supported_gpus.py. Only some images have it.
readonly SUPPORTED_GPUS=$NVIDIA_INSTALLER_HOME/supported-gpus.txt

# First and last id, first and last branch (0: no limit within the branches that this project builds), module types, generation.
readonly GPU_RANGES=(
  # Lists of 535 and 550: legacy branches 390 and older.
  "0000 0fbf 0 390 proprietary Fermi or older"
  "1040 117f 0 390 proprietary Fermi"
  "1200 127f 0 390 proprietary Fermi"
  # Lists of 535 and 550: legacy branch 470 from 0fc6 to 12ba.
  "0fc0 103f 0 470 proprietary Kepler"
  "1180 11ff 0 470 proprietary Kepler"
  "1280 133f 0 470 proprietary Kepler"
  # Lists from 590: legacy branch 580 from Maxwell to Volta. Open modules have no id below 1e02.
  "1340 15ef 0 580 proprietary Maxwell"
  "15f0 15ff 0 580 proprietary Pascal"
  "1600 171f 0 580 proprietary Maxwell"
  "1720 173f 0 580 proprietary Pascal"
  "1740 1aff 0 580 proprietary Maxwell"
  "1b00 1d7f 0 580 proprietary Pascal"
  "1d80 1dff 0 580 proprietary Volta"
  # Open modules from their first tag, 515.
  "1e00 1fff 0 0 both Turing"
  "2180 21ff 0 0 both Turing"
  "2080 20ff 0 0 both Ampere"
  "2200 22ff 0 0 both Ampere"
  "2400 25ff 0 0 both Ampere"
  # Open modules: 2331 in 520.56.06.
  "2300 233f 520 0 both Hopper"
  # Open modules: 2342 in 535.129.03. Lists that have gsp_proprietary_supported do not have it for 2342 and 2348.
  "2340 237f 535 0 open Grace Hopper"
  # Open modules: 2684 in 525.78.01; proprietary ones were in 520.
  "2600 28ff 520 0 both Ada"
  # Open modules: 2901 in 570.86.15, 29bb not before 575.
  "2900 297f 570 0 open Blackwell"
  "2980 29ff 575 0 open Blackwell"
  # Open modules: 2b85 in 570.86.16, 2e12 (GB10) in 580.119.02, 2f04 in 570.133.07.
  "2b80 2dff 570 0 open Blackwell"
  "2e00 2eff 580 0 open Blackwell"
  "2f00 2fff 570 0 open Blackwell"
  # Open modules: 3182 and 31c2 in 580.82.07.
  "3180 31ff 580 0 open Blackwell Ultra"
)

# By address: the module types with which the image's driver drives a GPU, what the GPU needs, and its generation.
declare -A FITS=() NEEDS=() GENERATIONS=()

read_fits() {
  local gpu id support
  local -A listed=()
  FITS=() NEEDS=() GENERATIONS=()
  if ((${#GPUS[@]} > 0)) && [[ -r $SUPPORTED_GPUS ]]; then
    while read -r id support _; do
      [[ ! $id =~ ^[0-9a-f]{4}$ ]] || listed[$id]=$support
    done <"$SUPPORTED_GPUS"
  fi
  for gpu in "${GPUS[@]}"; do
    printf -v id '%04x' "${DEVICE_IDS[$gpu]}"
    find_fit "$gpu" "$id" "${listed[$id]:-}"
  done
}

# Sets FITS, NEEDS and GENERATIONS of a GPU. A GPU that neither the list nor the table knows is taken for a newer one.
find_fit() { # GPU ID SUPPORT
  local -r branch=$((10#${IMAGE[DRIVER_VERSION]%%.*}))
  local row first=0 last=0 types=open generation=''
  local -a words
  for row in "${GPU_RANGES[@]}"; do
    read -r -a words <<<"$row"
    ((0x$2 >= 0x${words[0]} && 0x$2 <= 0x${words[1]})) || continue
    first=${words[2]} last=${words[3]} types=${words[4]} generation=${words[*]:5}
    break
  done
  if [[ $3 == @(open|proprietary|both) ]]; then
    first=0 last=0 types=$3
  elif [[ $3 =~ ^legacy:([1-9][0-9]*)$ ]]; then
    first=0 last=${BASH_REMATCH[1]} types=proprietary
  elif [[ -z $generation ]]; then
    log "10de:$2 at $1 is unknown to this image, and taken for a newer GPU, which needs open modules"
  fi
  GENERATIONS[$1]=$generation NEEDS[$1]=$(need_of "$first" "$last" "$types") FITS[$1]=
  # shellcheck disable=SC2034 # used in module-type.sh
  if ((branch >= first && (last == 0 || branch <= last))); then FITS[$1]=${types/both/open proprietary}; fi
}

need_of() { # FIRST-BRANCH LAST-BRANCH MODULE-TYPES
  local need=
  if (($2 > 0)); then
    need="a driver of branch $2 or older"
  elif (($1 > 0)); then
    need="a driver of branch $1 or newer"
  fi
  [[ $3 == both ]] || need+="${need:+ with }$3 modules"
  printf '%s' "$need"
}

# Prints `10de:1db6 at 0000:3b:00.0 (Volta) needs …; …`.
describe_needs() { # GPU…
  local gpu id text=
  for gpu; do
    printf -v id '%04x' "${DEVICE_IDS[$gpu]}"
    text+="${text:+; }10de:$id at $gpu${GENERATIONS[$gpu]:+ (${GENERATIONS[$gpu]})} needs ${NEEDS[$gpu]}"
  done
  printf '%s' "$text"
}
