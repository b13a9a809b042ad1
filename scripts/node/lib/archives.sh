# shellcheck shell=bash
# The image's archives: user space, and the modules of one type.

archive_names() { # MODULE-TYPE
  printf '%s\n' "$NVIDIA_INSTALLER_HOME/userspace.tar.zst" "$NVIDIA_INSTALLER_HOME/modules-$1.tar.zst"
}

# Prints the bytes that the archives need on a disk. The manifest says it: asking the archives means unpacking them twice.
unpacked_bytes() { # MODULE-TYPE
  local archive
  local -a archives
  mapfile -t archives < <(archive_names "$1")
  for archive in "${archives[@]}"; do
    [[ -f $archive && -r $archive ]] || fail "$EXIT_DAMAGED_IMAGE" "$archive is missing; pull the image anew"
  done
  [[ ${IMAGE[UNPACKED_BYTES_${1^^}]:-} =~ ^[0-9]{1,15}$ ]] ||
    fail "$EXIT_DAMAGED_IMAGE" "$MANIFEST is damaged: it has no usable UNPACKED_BYTES_${1^^}"
  printf '%s' "${IMAGE[UNPACKED_BYTES_${1^^}]}"
}

unpack_archives() { # MODULE-TYPE FOLDER
  local archive output
  local -a archives
  mapfile -t archives < <(archive_names "$1")
  for archive in "${archives[@]}"; do
    if output=$(tar --extract --zstd --same-permissions --no-same-owner --directory "$2" --file "$archive" 2>&1); then continue; fi
    if tar --list --zstd --file "$archive" &>/dev/null; then
      give_up "$EXIT_STEP_FAILED" "this could not be unpacked: $archive" "$output"
    fi
    quote "$output"
    fail "$EXIT_DAMAGED_IMAGE" "$archive is damaged; pull the image anew"
  done
}

# Prints nvidia.ko as it is in the archive, for a question that has to be answered before anything is unpacked.
packed_module() { # MODULE-TYPE
  tar --extract --to-stdout --zstd --file "$NVIDIA_INSTALLER_HOME/modules-$1.tar.zst" --wildcards '*/nvidia.ko' 2>/dev/null
}
