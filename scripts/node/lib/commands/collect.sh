# shellcheck shell=bash
# nvidia-installer collect: packs what a bug report needs into one archive. It takes no lock, changes nothing on the host, and needs
# neither a driver nor a sound image. report/collect-items.sh has the content.

readonly REPORT_NAME=nvidia-installer-report
readonly MAX_ITEM_KIB=8192
# The temporary folder, the process group of the items, and the file that this run has created.
COLLECT_DIR=
COLLECT_GROUP=
COLLECT_FILE=
IN_TIME=true

collect_command() { # [FILE]
  [[ $# == 0 || ($# == 1 && -n $1 && $1 != -*) ]] || usage_error "collect takes one file, or none"
  [[ $COLLECT_SECONDS =~ ^[1-9][0-9]{0,3}$ ]] || usage_error "COLLECT_SECONDS=$COLLECT_SECONDS is not a whole number of seconds"
  # Kernel messages and logs are not for every user of the node.
  umask 077
  AT_EXIT+=(end_collecting)
  if (($# > 0)); then
    open_report "$1"
  elif [[ -t 1 ]]; then
    usage_error "collect writes an archive, and its output is a terminal; name a file, or redirect the output (> report.tar.zst)"
  fi
  make_collect_folder
  run_items
  list_errors
  write_archive "$@"
}

# Makes FILE the output. The test comes first because noclobber opens FIFOs and devices.
open_report() { # FILE
  [[ ! -e $1 && ! -L $1 ]] || usage_error "$1 exists; name a new file"
  set -o noclobber
  { exec >"$1"; } 2>/dev/null || usage_error "cannot create $1; name a file in a writable folder"
  set +o noclobber
  COLLECT_FILE=$1
}

make_collect_folder() {
  local parent
  for parent in "${TMPDIR:-/tmp}" /dev/shm /run; do
    COLLECT_DIR=$(mktemp -d -- "$parent/$REPORT_NAME.XXXXXXXXXX" 2>/dev/null) || continue
    run mkdir -- "$COLLECT_DIR"/{"$REPORT_NAME",messages,codes}
    return 0
  done
  fail "$EXIT_STEP_FAILED" "no folder for temporary files is writable; set TMPDIR to one that is"
}

# Runs all items at the same time, for COLLECT_SECONDS together. Their process group (-m) is killed as a whole. A process that hangs
# in the kernel cannot be killed and is left behind, so nothing waits for the items themselves.
run_items() {
  local ended
  exec {ended}<> <(:)
  set -m
  run_items_in_group >&"$ended" </dev/null &
  set +m
  COLLECT_GROUP=$!
  disown "$COLLECT_GROUP"
  read -r -t "$COLLECT_SECONDS" -u "$ended" _ || IN_TIME=false
  end_items
}

run_items_in_group() {
  exec 2>/dev/null
  ulimit -f "$MAX_ITEM_KIB"
  start_items || true
  wait
  printf '\n'
}

# Starts an item, which prints the content of a file of the report.
item() { # FILE COMMAND…
  local -r name=$1
  shift
  {
    local code=0
    ("$@") >"$COLLECT_DIR/$REPORT_NAME/$name" 2>"$COLLECT_DIR/messages/$name" || code=$?
    printf '%s\n' "$code" >"$COLLECT_DIR/codes/$name"
  } &
}

end_items() {
  [[ -z $COLLECT_GROUP ]] || kill -KILL -- "-$COLLECT_GROUP" 2>/dev/null || true
  COLLECT_GROUP=
}

# Writes errors.txt: the items that failed or did not end, and the messages of all.
list_errors() {
  local file name code
  local -i failed=0
  for file in "$COLLECT_DIR/messages"/*; do
    name=${file##*/}
    code=
    { read -r code <"$COLLECT_DIR/codes/$name"; } 2>/dev/null || true
    [[ $code == 0 ]] || failed+=1
    case $code in
      0) ;;
      "") printf '%s: did not end within %s seconds\n' "$name" "$COLLECT_SECONDS" ;;
      *) printf '%s: failed with exit code %s\n' "$name" "$code" ;;
    esac
    sed "s/^/$name: /" -- "$file"
  done >"$COLLECT_DIR/$REPORT_NAME/errors.txt"
  "$IN_TIME" || printf 'files may be missing: not all could be begun in time\n' >>"$COLLECT_DIR/$REPORT_NAME/errors.txt"
  ((failed == 0)) || log "$failed items are missing or not complete; errors.txt in the archive has the reasons"
}

# tar returns 1 if a file changes meanwhile, as one of a process that could not be killed.
write_archive() { # [FILE]
  local output report
  local -a files=("$COLLECT_DIR/$REPORT_NAME"/*)
  local -i code=0
  exec {report}>&1
  output=$(tar --create --zstd --file - --directory "$COLLECT_DIR" "$REPORT_NAME" 2>&1 >&"$report") || code=$?
  ((code <= 1)) || fail_with_output "$EXIT_STEP_FAILED" "cannot write the archive; see tar's output above" "$output" "${1:-}"
  COLLECT_FILE=
  log "${1:-the archive} has ${#files[@]} files; read them before you pass them on"
}

end_collecting() {
  end_items
  [[ -z $COLLECT_DIR ]] || rm -rf -- "$COLLECT_DIR"
  [[ -z $COLLECT_FILE ]] || rm -f -- "$COLLECT_FILE"
}
