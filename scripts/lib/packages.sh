# shellcheck shell=bash
# Debian packages, for the set-up scripts. common.sh is sourced before.

# Packages ask this script before they start a service (Debian's invoke-rc.d(8), "policy-rc.d").
readonly POLICY=/usr/sbin/policy-rc.d

# Prints the packages of the programs that are missing.
packages_of_missing() { # PROGRAM:PACKAGE…
  local tool
  for tool; do
    has "${tool%%:*}" || printf '%s\n' "${tool#*:}"
  done
}

readonly INSTALL=(apt-get install --yes --no-install-recommends)

# Ends the script if this user cannot install packages on this machine.
require_apt() { # PACKAGE…
  has apt-get || fail 2 "this machine has no apt-get; install the programs of these Debian packages yourself: $*"
  require_root "${INSTALL[*]} $*"
}

install_packages() { # PACKAGE…
  require_apt "$@"
  with_retries "${INSTALL[*]} $*" apt_install "${INSTALL[@]}" "$@"
}

# Installs packages. Refreshes the package lists only if that fails: lists may be missing, or name files that no longer exist.
apt_install() {
  local -r options=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=120)
  as_root env DEBIAN_FRONTEND=noninteractive "$@" "${options[@]}" && return
  as_root apt-get update "${options[@]}"
  as_root env DEBIAN_FRONTEND=noninteractive "$@" "${options[@]}"
}

# Installs the packages of missing programs for tests. They start no services. Runs in a subshell, because it sets a trap.
install_test_packages() ( # PROGRAM:PACKAGE…
  mapfile -t packages < <(packages_of_missing "$@")
  ((${#packages[@]} > 0)) || return 0
  require_apt "${packages[@]}"
  log "installing ${packages[*]}"
  if [[ ! -e $POLICY ]]; then
    trap 'as_root rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  install_packages "${packages[@]}"
)
