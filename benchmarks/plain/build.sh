#!/usr/bin/env bash
# Compiles and packs one combination for the plain Dockerfile, with network. Environment: KERNEL (uname -r), MODULES (lines of
# `type URL`), USERSPACE (URLs).
#
# Exit codes: 0 done; otherwise the exit code of the command that failed.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends build-essential wget ca-certificates "linux-headers-$KERNEL"

fetch() { # URL FOLDER
    mkdir -p "$2"
    # Name look-ups sometimes fail.
    wget --quiet --tries=5 --retry-on-host-error --output-document=/tmp/package.deb "$1"
    dpkg-deb --extract /tmp/package.deb "$2"
}

mkdir -p /out
while read -r type address; do
    fetch "$address" "/src/$type"
    cd "$(dirname "$(find "/src/$type" -name dkms.conf)")"
    # The open modules do not compile on these kernels without this change.
    sed -i 's/pci_resize_resource(pci_dev, NV_GPU_BAR1, requested_size)/pci_resize_resource(pci_dev, NV_GPU_BAR1, requested_size, 0)/' \
        nvidia/nv-pci.c
    make --jobs="$(nproc)" modules KERNEL_UNAME="$KERNEL" \
        SYSSRC="$(readlink -f "/lib/modules/$KERNEL/source")" SYSOUT="$(readlink -f "/lib/modules/$KERNEL/build")"
    mkdir -p "/driver/$type"
    cp ./*.ko "/driver/$type"
    for address in $USERSPACE; do
        fetch "$address" "/driver/$type"
    done
    tar --create --gzip --file "/out/driver-$type.tar.gz" --directory "/driver/$type" .
done <<<"$MODULES"
