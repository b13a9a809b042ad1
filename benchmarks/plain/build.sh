#!/usr/bin/env bash
# Compiles and packs one combination the plain way, with network. Environment: KERNEL (uname -r), MODULES (lines of
# `type address`), USERSPACE (addresses).
#
# Exit codes: 0 done; otherwise that of what failed.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends build-essential wget ca-certificates "linux-headers-$KERNEL"

fetch() { # ADDRESS FOLDER
    mkdir -p "$2"
    # Name look-ups fail now and then.
    wget --quiet --tries=5 --retry-on-host-error --output-document=/tmp/package.deb "$1"
    dpkg-deb --extract /tmp/package.deb "$2"
}

mkdir -p /out
while read -r type address; do
    fetch "$address" "/src/$type"
    cd "$(dirname "$(find "/src/$type" -name dkms.conf)")"
    # The one-line change that these kernels ask of the open modules; nothing compiles without it.
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
