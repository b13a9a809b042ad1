# shellcheck shell=bash
# The image's archives: user space, and the modules of one type.

archive_names() { # MODULE-TYPE
  printf '%s\n' "$NVIDIA_INSTALLER_HOME/userspace.tar.zst" "$NVIDIA_INSTALLER_HOME/modules-$1.tar.zst"
}

# Prints the bytes that the archives need on a disk. Reading them to the end also proves their checksums before anything
# is touched.
unpacked_bytes() { # MODULE-TYPE
  local archive listing size blocks=0
  local -a archives
  mapfile -t archives < <(archive_names "$1")
  for archive in "${archives[@]}"; do
    [[ -f $archive && -r $archive ]] || fail "$EXIT_DAMAGED_IMAGE" "$archive is missing; pull the image anew"
    if ! listing=$(tar --list --verbose --numeric-owner --zstd --file "$archive" 2>&1); then
      quote "$(grep -vE '^[-dlhbcp][-rwxsStT]{9} ' <<<"$listing")"
      fail "$EXIT_DAMAGED_IMAGE" "$archive is damaged; pull the image anew"
    fi
    while read -r _ _ size _; do
      [[ ! $size =~ ^[0-9]+$ ]] || blocks=$((blocks + 1 + (size + 4095) / 4096))
    done < <(printf '%s\n' "$listing")
  done
  printf '%s' "$((blocks * 4096))"
}

unpack_archives() { # MODULE-TYPE FOLDER
  local archive
  local -a archives
  mapfile -t archives < <(archive_names "$1")
  for archive in "${archives[@]}"; do
    run tar --extract --zstd --same-permissions --no-same-owner --directory "$2" --file "$archive"
  done
}
