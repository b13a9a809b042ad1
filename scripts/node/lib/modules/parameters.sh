# shellcheck shell=bash
# Parameters of the kernel modules. Files that the GPU Operator (driver.kernelModuleConfig) or the pod mounts override the
# image's defaults, parameter by parameter. Each file is <module>.conf, with any number of name=value per line, which are
# read as the kernel reads them (next_arg in its lib/cmdline.c).

# The first word of a text, and the rest. Double quotes keep spaces together.
readonly FIRST_WORD='^(([^[:space:]"]|"[^"]*")+)([[:space:]].*)?$'

# The parameters by module, one name=value per line.
declare -A PARAMETERS=()

read_parameters() {
  local module
  [[ ! -e $PARAMETERS_DIR || -d $PARAMETERS_DIR ]] || usage_error "PARAMETERS_DIR=$PARAMETERS_DIR is not a folder"
  for module in "${LOAD_ORDER[@]}"; do
    read_module_parameters "$module"
  done
  report_unread_files
}

read_module_parameters() { # MODULE
  local -r mounted=$PARAMETERS_DIR/$1.conf
  # The kernel's own spelling of the module's name.
  local -r underscored=$PARAMETERS_DIR/${1//-/_}.conf
  local -a names=()
  local -A values=()
  local name words=
  read_parameter_file "$NVIDIA_INSTALLER_HOME/parameters/$1.conf"
  read_parameter_file "$mounted"
  if [[ $underscored != "$mounted" ]] && is_file_or_link "$underscored"; then
    ! is_file_or_link "$mounted" || usage_error "$mounted and $underscored are for the same module; keep one of them"
    read_parameter_file "$underscored"
  fi
  for name in "${names[@]}"; do
    words+="${words:+$'\n'}$name=${values[$name]}"
  done
  PARAMETERS[$1]=$words
}

# A link without a target is a mistake, and not a missing file.
is_file_or_link() { # PATH
  [[ -e $1 || -L $1 ]]
}

# Reads a file into the caller's names and values.
read_parameter_file() { # FILE
  local line word place
  local -i number=0
  is_file_or_link "$1" || return 0
  [[ -f $1 && -r $1 ]] || usage_error "$1 is not a readable file"
  while IFS= read -r line || [[ -n $line ]]; do
    number+=1
    place="$1 is wrong in line $number"
    # Editors of other systems begin a file with a byte order mark.
    ((number > 1)) || line=${line#$'\xef\xbb\xbf'}
    while [[ $line =~ ^[[:space:]]*([^[:space:]#].*)$ ]]; do
      line=${BASH_REMATCH[1]}
      [[ $line =~ $FIRST_WORD ]] || usage_error "$place: a double quote is not closed in '$line'"
      word=${BASH_REMATCH[1]}
      line=${BASH_REMATCH[3]}
      add_parameter "$word" ||
        usage_error "$place: '$word' is not name=value; put double quotes around a value with spaces"
    done
  done <"$1"
}

# Adds a word to the caller's names and values, or returns 1. modprobe passes words on unchanged, unless a value has spaces and
# does not begin with a quote (options_from_array in kmod's tools/modprobe.c).
add_parameter() { # WORD
  local word=$1 name value
  [[ ! $word =~ ^\"([^=\"]+)=([^\"]*)\"$ ]] || word="${BASH_REMATCH[1]}=\"${BASH_REMATCH[2]}\""
  [[ $word =~ ^([A-Za-z][A-Za-z0-9_-]*)=(.+)$ ]] || return 1
  name=${BASH_REMATCH[1]//-/_}
  value=${BASH_REMATCH[2]}
  [[ $value == \"* || $value != *[[:space:]]* ]] || return 1
  [[ -v values[$name] ]] || names+=("$name")
  # shellcheck disable=SC2004 # a word and not a number: the array is associative
  values[$name]=$value
}

# Names the files of PARAMETERS_DIR that belong to no module. A mounted ConfigMap also contains folders, and links to them.
report_unread_files() {
  local file unread=
  for file in "$PARAMETERS_DIR"/* "$PARAMETERS_DIR"/.[!.]*; do
    is_file_or_link "$file" || continue
    [[ -d $file ]] || is_parameter_file "${file##*/}" || unread+="${unread:+, }${file##*/}"
  done
  [[ -z $unread ]] || log "not read in $PARAMETERS_DIR: $unread; name each file after its module, such as nvidia-uvm.conf"
}

is_parameter_file() { # NAME
  local module
  for module in "${LOAD_ORDER[@]}"; do
    [[ $1 != "$module.conf" && $1 != "${module//-/_}.conf" ]] || return 0
  done
  return 1
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
