# shellcheck shell=bash
# The OS release of the node, from os-release(5).

# Prints the OS release as image tags name it. The host's os-release wins if the host's root is mounted, because an upgrade
# may have changed the node's release. A suffix (debian-13-backports) comes from the image.
node_release() {
  local release=${IMAGE[OS_RELEASE]} file id version
  if [[ $HOST_ROOT != / ]]; then
    file=$(os_release_file)
    id=$(os_release_value ID "$file")
    version=$(os_release_version "$id" "$file")
    if [[ -n $id && -n $version && "$release-" != "$id-$version-"* ]]; then release=$id-$version; fi
  fi
  printf '%s' "$release"
}

# Prints the file that os-release(5) prefers; nothing if the host has none.
os_release_file() {
  local path file
  for path in /etc/os-release /usr/lib/os-release; do
    file=$(resolve_on_host "$path") || continue
    if [[ -f $file && -r $file ]]; then
      printf '%s' "$file"
      return 0
    fi
  done
}

# Prints the version that names a release of this family; nothing for a release without a number, such as Debian testing.
os_release_version() { # ID FILE
  local key version
  local -a keys=(VERSION_ID)
  # Garden Linux has no VERSION_ID, or the same.
  [[ $1 != gardenlinux ]] || keys=(GARDENLINUX_VERSION VERSION_ID)
  for key in "${keys[@]}"; do
    version=$(os_release_value "$key" "$2")
    if [[ $version == [0-9]* ]]; then
      printf '%s' "$version"
      return 0
    fi
  done
}

# Prints a value as a shell would read it; nothing for a value that cannot be part of a tag.
os_release_value() { # KEY FILE
  local -r assignment="^[[:space:]]*$1=([\"']?)([A-Za-z0-9._-]*)([\"']?)([[:space:]]+#.*|[[:space:]]*)$"
  local line value=
  [[ -n $2 ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line =~ $assignment && ${BASH_REMATCH[1]} == "${BASH_REMATCH[3]}" ]] || continue
    value=${BASH_REMATCH[2]}
  done <"$2"
  printf '%s' "$value"
}
