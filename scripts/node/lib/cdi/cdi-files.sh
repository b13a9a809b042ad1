# shellcheck shell=bash
# The CDI specifications on the host. Container engines read them whenever they create a container, so the files exist only while the
# driver is ready.

resolve_path /var/run/cdi || true
readonly CDI_DIR=$RESOLVED
readonly CDI_PREFIX=$CDI_DIR/nvidia-installer.

# The kinds of CDI_KINDS, each once, and those of them that this node should have now.
declare -a CDI_WANTED=() CDI_CHOSEN=()
# The driver, the kinds, the GPUs and the compute instances at the last write of this run, and the kinds that it wrote.
CDI_STATE=
declare -a CDI_WRITTEN=()

# Sets CDI_WANTED.
read_cdi_kinds() {
  local kind
  local -a kinds
  read -r -a kinds <<<"$CDI_KINDS"
  CDI_WANTED=()
  for kind in "${kinds[@]}"; do
    [[ $kind == off || " ${CDI_WANTED[*]} " == *" $kind "* ]] || CDI_WANTED+=("$kind")
  done
}

read_cdi_kinds

# Writes a specification of each chosen kind, and removes the others. A poll without a change starts no program.
write_cdi_files() { # FOLDER
  local kind
  local -a state
  choose_cdi_kinds
  state=("$1" "${CDI_CHOSEN[@]}" "$PROC_ROOT"/driver/nvidia/gpus/* "$PROC_ROOT"/driver/nvidia/capabilities/gpu*/mig/gi*/ci*)
  if [[ ${state[*]} == "$CDI_STATE" ]] && has_cdi_files "${CDI_WRITTEN[@]}"; then return 0; fi
  CDI_STATE=${state[*]} CDI_WRITTEN=()
  if ((${#CDI_CHOSEN[@]} > 0)); then
    read_devices
    read_cdi_devices
    ((${#CDI_DEVICES[@]} > 0)) || CDI_CHOSEN=()
  fi
  for kind in "${CDI_CHOSEN[@]}"; do
    if write_cdi_file "$kind" "$1"; then CDI_WRITTEN+=("$kind"); fi
  done
  remove_cdi_files "${CDI_WRITTEN[@]}"
}

# Writes the specifications if the chosen ones are not there, or others are.
ensure_cdi_files() { # FOLDER
  choose_cdi_kinds
  has_cdi_files "${CDI_CHOSEN[@]}" || write_cdi_files "$1"
}

# Sets CDI_CHOSEN: the wanted kinds that no other program describes. A driver in a container has none, because the GPU Operator's
# toolkit writes its own, and neither has a driver without a GPU.
choose_cdi_kinds() {
  local kind
  local -a gpus=("$PROC_ROOT"/driver/nvidia/gpus/*)
  CDI_CHOSEN=()
  [[ -z $ROOT_ON_HOST && -e ${gpus[0]} ]] || return 0
  for kind in "${CDI_WANTED[@]}"; do
    find_other_cdi_file "$kind"
    log_other_cdi_file "$kind"
    [[ -n $OTHER_CDI_FILE ]] || CDI_CHOSEN+=("$kind")
  done
}

# Succeeds if there are the specifications of these kinds and no others.
has_cdi_files() { # KIND…
  local kind
  local -a files=("$CDI_PREFIX"*.json)
  [[ -e ${files[0]} ]] || files=()
  ((${#files[@]} == $#)) || return 1
  for kind; do
    [[ -f $CDI_PREFIX${kind//\//-}.json ]] || return 1
  done
}

write_cdi_file() { # KIND FOLDER
  local -r consequence="containers get no GPU by CDI ($1)"
  try "$consequence" make_marked_folder "$CDI_DIR" &&
    write_host_file "$CDI_PREFIX${1//\//-}.json" "$(cdi_spec "$1" "$2")" "$consequence"
}

# Removes the specifications, except for those of some kinds.
remove_cdi_files() { # [KIND…]
  local file kept
  printf -v kept '%s ' "${@//\//-}"
  for file in "$CDI_PREFIX"*; do
    [[ ! -e $file && ! -L $file || " $kept" == *" ${file:${#CDI_PREFIX}:-5} "* ]] || run rm -f -- "$file"
  done
}
