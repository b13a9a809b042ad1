# shellcheck shell=bash
# Parameters of the kernel modules. Files that the GPU Operator (driver.kernelModuleConfig) or the pod mounts override the
# image's defaults, parameter by parameter. Each file is <module>.conf, with any number of name=value per line.

# The parameters by module, one name=value per line.
declare -A PARAMETERS=()

read_parameters() {
  local module
  for module in "${LOAD_ORDER[@]}"; do
    read_module_parameters "$module"
  done
}

read_module_parameters() { # MODULE
  local -a names=()
  local -A values=()
  local name words=
  read_parameter_file "$NVIDIA_INSTALLER_HOME/parameters/$1.conf"
  read_parameter_file "$PARAMETERS_DIR/$1.conf"
  for name in "${names[@]}"; do
    words+="${words:+$'\n'}$name=${values[$name]}"
  done
  PARAMETERS[$1]=$words
}

# Reads a file into the caller's names and values.
read_parameter_file() { # FILE
  local line word number=0
  local -a words
  [[ -e $1 ]] || return 0
  [[ -f $1 && -r $1 ]] || usage_error "$1 is not a readable file"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    read -r -a words <<<"${line%%#*}"
    for word in "${words[@]}"; do
      [[ $word =~ ^([A-Za-z][A-Za-z0-9_]*)=(.+)$ ]] ||
        usage_error "$1 is wrong in line $number: '$word' is not name=value"
      [[ -v values[${BASH_REMATCH[1]}] ]] || names+=("${BASH_REMATCH[1]}")
      # shellcheck disable=SC2004 # a word and not a number: the array is associative
      values[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    done
  done <"$1"
}

# Prints the parameters of all modules: `<module> <name=value>`, one per line. The kernel does not show all parameters of a
# loaded module, so LOADED_PARAMETERS keeps this text while the modules are loaded.
all_parameters() {
  local module word
  for module in "${LOAD_ORDER[@]}"; do
    while IFS= read -r word; do
      [[ -z $word ]] || printf '%s %s\n' "$module" "$word"
    done <<<"${PARAMETERS[$module]}"
  done
}

readonly LOADED_PARAMETERS=$STATE_DIR/nvidia-installer.parameters

report_parameters() {
  [[ -f $LOADED_PARAMETERS ]] || return 0
  [[ $(<"$LOADED_PARAMETERS") == "$(all_parameters)" ]] ||
    log "module parameters have changed; to apply them, uninstall and install again, or reboot the node"
}
