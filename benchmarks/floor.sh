#!/usr/bin/env bash
# The benchmark's lower bound: `make` alone. Runs in a container of a plain base; `prepare` needs network.
#
#   floor.sh prepare    install compilers and headers, and unpack the sources
#   floor.sh compile    run `make` for each module type in turn
#
# Environment: KERNEL (uname -r), MODULES (lines of `type URL`).
#
# Exit codes: 0 done; 2 wrong usage; otherwise the exit code of the command that failed.
set -euo pipefail

main() {
    case ${1-} in
        prepare) prepare ;;
        compile) compile ;;
        *)
            sed -n '4,5p' "$0" >&2
            exit 2
            ;;
    esac
}

prepare() {
    local type address unpacked
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install --yes --no-install-recommends build-essential wget ca-certificates "linux-headers-$KERNEL"
    while read -r type address; do
        wget --quiet --tries=5 --retry-on-host-error --output-document=/tmp/package.deb "$address"
        unpacked=$(mktemp --directory)
        dpkg-deb --extract /tmp/package.deb "$unpacked"
        mkdir -p /sources
        mv "$(dirname "$(find "$unpacked" -name dkms.conf)")" "/sources/$type"
        # The same patch as in plain/build.sh.
        sed -i 's/pci_resize_resource(pci_dev, NV_GPU_BAR1, requested_size)/pci_resize_resource(pci_dev, NV_GPU_BAR1, requested_size, 0)/' \
            "/sources/$type/nvidia/nv-pci.c"
    done <<<"$MODULES"
}

compile() {
    local sources
    for sources in /sources/*; do
        cd "$sources"
        make --jobs="$(nproc)" modules KERNEL_UNAME="$KERNEL" \
            SYSSRC="$(readlink -f "/lib/modules/$KERNEL/source")" SYSOUT="$(readlink -f "/lib/modules/$KERNEL/build")"
    done
}

main "$@"
