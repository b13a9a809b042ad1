# shellcheck shell=bash
# The CDI specifications on the host. Container engines read them whenever they create a container, so the files exist only while the
# driver is ready.

resolve_path /var/run/cdi || true
readonly CDI_DIR=$RESOLVED
readonly CDI_PREFIX=$CDI_DIR/nvidia-installer.

# The driver, the GPUs and the compute instances for which this run has written specifications, and their kinds.
CDI_STATE=
declare -a CDI_WRITTEN=()

# Writes a specification of each kind, and removes the others. A poll without a change starts no program. A driver in a container has
# none, because the GPU Operator's toolkit writes its own, and neither has a driver without a GPU.
write_cdi_files() { # FOLDER
  local kind
  local -a kinds state=("$1" "$PROC_ROOT"/driver/nvidia/gpus/* "$PROC_ROOT"/driver/nvidia/capabilities/gpu*/mig/gi*/ci*)
  if [[ -n $ROOT_ON_HOST || $CDI_KINDS == off || ! -e ${state[1]} ]]; then
    remove_cdi_files
    return 0
  fi
  if [[ ${state[*]} == "$CDI_STATE" ]] && has_cdi_files "${CDI_WRITTEN[@]}"; then return 0; fi
  read_devices
  read_cdi_devices
  read -r -a kinds <<<"$CDI_KINDS"
  ((${#CDI_DEVICES[@]} > 0)) || kinds=()
  CDI_STATE=${state[*]} CDI_WRITTEN=()
  for kind in "${kinds[@]}"; do
    if write_cdi_file "$(cdi_file "$kind")" "$kind" "$1"; then CDI_WRITTEN+=("$kind"); fi
  done
  remove_cdi_files "${CDI_WRITTEN[@]}"
}

# Writes the specifications if one is missing, or one of another kind is there.
ensure_cdi_files() { # FOLDER
  local -a kinds
  read -r -a kinds <<<"$CDI_KINDS"
  has_cdi_files "${kinds[@]}" || write_cdi_files "$1"
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

cdi_file() { # KIND
  printf '%s' "$CDI_PREFIX${1//\//-}.json"
}

# An engine refuses a device that two files of one folder describe, so a kind that another program describes is left to it.
write_cdi_file() { # FILE KIND FOLDER
  local -r consequence="containers get no GPU by CDI ($2)"
  local other
  other=$(other_cdi_file "$2")
  if [[ -n $other ]]; then
    log "$consequence from nvidia-installer, because $other describes the same devices; remove it, or change CDI_KINDS"
    return 1
  fi
  try "$consequence" make_marked_folder "$CDI_DIR" && write_host_file "$1" "$(cdi_spec "$2" "$3")" "$consequence"
}

# Prints the first specification of a kind that is not ours.
other_cdi_file() { # KIND
  local file
  for file in "$CDI_DIR"/*.{json,yaml}; do
    [[ -f $file && $file != "$CDI_PREFIX"* ]] || continue
    if grep -qsE "\"?kind\"?[[:space:]]*:[[:space:]]*\"?${1//./\\.}(\"|[[:space:]]|$)" "$file"; then
      printf '%s' "$file"
      return 0
    fi
  done
}

# Removes the specifications, except for those of some kinds.
remove_cdi_files() { # [KIND…]
  local file kept
  printf -v kept '%s ' "${@//\//-}"
  for file in "$CDI_PREFIX"*; do
    [[ ! -e $file && ! -L $file || " $kept" == *" ${file:${#CDI_PREFIX}:-5} "* ]] || run rm -f -- "$file"
  done
}
