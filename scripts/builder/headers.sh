#!/usr/bin/env bash
# Unpacks a kernel's headers inside the builder container. Its image then serves every compile for that kernel.
#
#   headers.sh KERNEL_RELEASE FILE.deb...
#
# The files are the packages of the kernel's headers and kbuild. KERNEL_RELEASE is the kernel's `uname -r`.
#
# Exit codes: 0 unpacked; 2 wrong usage, or headers of another kernel.
set -euo pipefail

main() {
    if (($# < 2)); then
        sed -n '2,4p' "$0" >&2
        exit 2
    fi
    local -r kernel=$1
    local deb
    shift
    for deb in "$@"; do
        # /lib is a link where /usr is merged, but a folder in older packages.
        dpkg-deb --fsys-tarfile "$deb" | tar --extract --directory / --keep-directory-symlink
        rm "$deb"
    done
    if [[ ! -f /lib/modules/$kernel/build/Module.symvers ]]; then
        echo "headers.sh: these headers are not those of kernel $kernel" >&2
        exit 2
    fi
}

main "$@"
