# shellcheck shell=bash
# Debian packages for tests, in addition to those of `scripts/setup`. They start no services. common.sh is sourced before.

# Packages ask this script before they start a service (Debian's invoke-rc.d(8), "policy-rc.d").
readonly POLICY=/usr/sbin/policy-rc.d

# Installs the packages of missing programs. Runs in a subshell, because it sets a trap.
install_test_packages() ( # PROGRAM:PACKAGE…
  missing=()
  for tool in "$@"; do
    has "${tool%%:*}" || missing+=("${tool#*:}")
  done
  ((${#missing[@]} > 0)) || return 0
  has apt-get ||
    fail 2 "this machine has no apt-get; install the programs of these Debian packages yourself: ${missing[*]}"
  log "installing ${missing[*]}"
  if [[ ! -e $POLICY ]]; then
    trap 'as_root rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "${missing[@]}" >/dev/null ||
    fail 1 "apt-get install failed; see its messages above"
)
