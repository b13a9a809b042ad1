# shellcheck shell=bash
# The archives in the image: user space, and modules by type.

archive_names() { # MODULE-TYPE
  printf '%s\n' "$NVIDIA_INSTALLER_HOME/userspace.tar.zst" "$NVIDIA_INSTALLER_HOME/modules-$1.tar.zst"
}

# Prints the unpacked size of the archives in bytes, from the manifest. Reading it from the archives would unpack them twice.
unpacked_bytes() { # MODULE-TYPE
  local archive
  local -a archives
  mapfile -t archives < <(archive_names "$1")
  for archive in "${archives[@]}"; do
    [[ -f $archive && -r $archive ]] || fail "$EXIT_DAMAGED_IMAGE" "$archive is missing; pull the image again"
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
      fail_with_output "$EXIT_STEP_FAILED" "cannot unpack $archive; see tar's output above" "$output" "$2"
    fi
    log_output "$output"
    fail "$EXIT_DAMAGED_IMAGE" "$archive is damaged; pull the image again"
  done
}

# Prints nvidia.ko from the archive, for checks that run before anything is unpacked.
archived_module() { # MODULE-TYPE
  tar --extract --to-stdout --zstd --file "$NVIDIA_INSTALLER_HOME/modules-$1.tar.zst" --wildcards '*/nvidia.ko' 2>/dev/null
}
