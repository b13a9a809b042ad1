#!/usr/bin/env bash
# Unpacks a kernel's headers inside the builder container, whose image then serves every compile for that kernel.
#
#   headers.sh KERNEL_RELEASE FILE.deb...
#
# The files are the kernel's headers and kbuild; KERNEL_RELEASE is what `uname -r` prints there.
#
# Exit codes: 0 they are unpacked; 2 wrong usage, or these are not the headers of that kernel.
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
        # /lib is a link on a system with a merged /usr; older packages still have it as a folder.
        dpkg-deb --fsys-tarfile "$deb" | tar --extract --directory / --keep-directory-symlink
        rm "$deb"
    done
    if [[ ! -f /lib/modules/$kernel/build/Module.symvers ]]; then
        echo "headers.sh: these headers are not those of kernel $kernel" >&2
        exit 2
    fi
}

main "$@"
