# shellcheck shell=bash
# Reads and writes small files in folders where other programs may put anything.

# Writes a file atomically. A file with this content stays untouched.
write_file() { # PATH CONTENT
  if has_content "$1" "$2"; then return 0; fi
  [[ -d ${1%/*} ]] || run mkdir -p -- "${1%/*}"
  run replace_file "$1" "$2"
}

# Writes a file that the driver works without. The host may refuse it, for example in a read-only /etc.
write_host_file() { # PATH CONTENT CONSEQUENCE
  if has_content "$1" "$2"; then return 0; fi
  try "$3" mkdir -p -- "${1%/*}" && try "$3" replace_file "$1" "$2"
}

has_content() { # PATH CONTENT
  read_text "$1" && [[ $TEXT == "$2"$'\n' ]]
}

TEXT=

# Sets TEXT to the content of a regular file, up to a null byte or 64 KiB; fails for anything else. It starts no program, and
# other programs cannot block it by a FIFO, lead it elsewhere by a link, or fill the memory with a huge file.
read_text() { # PATH [BYTES]
  TEXT=
  [[ -f $1 && ! -L $1 ]] || return 1
  { IFS= read -r -d '' -n "${2:-65536}" TEXT <"$1"; } 2>/dev/null || true
}

# Replaces a file by a rename, so a link is replaced and not followed. Nobody can put anything at the temporary name before,
# because nobody can guess it. Another run may take the temporary file for a leftover; then a second try follows.
replace_file() { # PATH CONTENT
  local uuid next try
  remove_unfinished "${1%/*}"
  for try in first second; do
    read -r uuid </proc/sys/kernel/random/uuid || return 1
    next=${1%/*}/.nvidia-installer.$uuid
    write_content "$next" "$2" || break
    if mv -T -- "$next" "$1"; then return 0; fi
    [[ $try == first && ! -e $next ]] || break
  done
  rm -f -- "$next"
  return 1
}

# Creates a file. With noclobber, bash uses O_EXCL, except for a FIFO or device that exists, which a name like the above prevents.
write_content() { # PATH CONTENT
  (set -o noclobber && printf '%s\n' "$2" >"$1")
}

# Removes temporary files of killed runs; the name without a suffix is version 1's. Folders of such a name are not ours.
remove_unfinished() { # FOLDER…
  local folder file
  for folder; do
    for file in "$folder"/.nvidia-installer{,.*}; do
      [[ (! -e $file || -d $file) && ! -L $file ]] || rm -f -- "$file" || true
    done
  done
}
