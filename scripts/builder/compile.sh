#!/usr/bin/env bash
# Compiles NVIDIA's kernel modules inside the builder container. Needs no network, and must have none.
#
#   compile.sh IN OUT
#
# IN/<type>/sources/*.deb     a package with the module sources of a type (proprietary, open), or, for all types:
# IN/runfile/*.run            NVIDIA's own installer, which holds those of both
# IN/<type>/patches/*.patch   patches for them, applied in the order of their names
# IN/answers                  what conftest-cc knows of this kernel already; need not be there
# OUT/<type>/*.ko             the modules, without debug info
# OUT/<type>/make.log         all that the compiler said
# OUT/<type>/failed           is there if that type did not compile
# OUT/kernel.symvers          the kernel's Module.symvers, to check the modules against
# OUT/answers                 what conftest-cc has learnt
#
# The kernel's headers are where headers.sh has put them.
#
# Environment: KERNEL_RELEASE (uname -r), ARCHITECTURE (the kernel's, by Debian's name; another than the container's is
# compiled for with Debian's cross compiler), DRIVER_VERSION, MODULE_TYPES (space separated), JOBS, SOURCE_DATE_EPOCH.
# The same inputs give the same bytes: the path, the user, the host and the time are fixed.
#
# Exit codes: 0 all types compiled; 1 at least one did not, the others did; 2 wrong usage or unusable inputs.
set -euo pipefail

readonly BUILD=/build

main() {
    if (($# != 2)); then
        sed -n '2,4p' "$0" >&2
        exit 2
    fi
    local in=$1 out=$2 type failed=0
    : "${KERNEL_RELEASE:?}" "${ARCHITECTURE:?}" "${DRIVER_VERSION:?}" "${MODULE_TYPES:?}" "${JOBS:?}" "${SOURCE_DATE_EPOCH:?}"

    find_compiler
    mkdir -p "$out"
    touch "$in/answers" "$out/answers"
    export ANSWERS=$in/answers NEW_ANSWERS=$out/answers
    cp "/lib/modules/$KERNEL_RELEASE/build/Module.symvers" "$out/kernel.symvers"
    for type in $MODULE_TYPES; do
        mkdir -p "$out/$type"
        if ! (compile_type "$type" "$in/$type" "$out/$type") >"$out/$type/make.log" 2>&1; then
            touch "$out/$type/failed"
            failed=1
        fi
        echo "compiled $type: $([[ -e $out/$type/failed ]] && echo no || echo yes)"
    done
    return "$failed"
}

# Sets PREFIX, the beginning of the names of the compiler's programs, and TOOLCHAIN, what make is told of them: nothing at home.
find_compiler() {
    PREFIX='' TOOLCHAIN=()
    [[ $ARCHITECTURE != "$(dpkg --print-architecture)" ]] || return 0
    case $ARCHITECTURE in
        amd64) PREFIX=x86_64-linux-gnu- TOOLCHAIN=(ARCH=x86_64) ;;
        arm64) PREFIX=aarch64-linux-gnu- TOOLCHAIN=(ARCH=arm64) ;;
        *)
            echo "compile.sh: there is no cross compiler for $ARCHITECTURE" >&2
            exit 2
            ;;
    esac
    if ! command -v "${PREFIX}gcc" >/dev/null; then
        echo "compile.sh: error: this builder has no ${PREFIX}gcc, which compiles for $ARCHITECTURE" >&2
        exit 2
    fi
    TOOLCHAIN+=("CROSS_COMPILE=$PREFIX" "CC=${PREFIX}gcc" "LD=${PREFIX}ld" "OBJDUMP=${PREFIX}objdump")
}

compile_type() {
    set -euo pipefail
    local type=$1 in=$2 out=$3 build=$BUILD/$1 sources patch
    sources=$(unpack_sources "$type" "$in") || return 1
    mv "$sources" "$build"
    cd "$build"
    for patch in "$in"/patches/*.patch; do
        [[ -e $patch ]] || continue
        echo "applying $(basename "$patch")"
        patch --strip=1 --fuzz=0 --no-backup-if-mismatch --input="$patch" \
            || { echo "compile.sh: error: patch $(basename "$patch") does not apply to driver $DRIVER_VERSION"; return 1; }
    done
    speed_up_conftest >>Kbuild
    make_modules
    "${PREFIX}strip" --strip-debug ./*.ko
    cp ./*.ko "$out"
}

# Prints the folder with the module sources of a type; a message where there are none.
unpack_sources() {
    local type=$1 in=$2 unpacked=$BUILD/unpacked-$1 deb conf
    local -r runfile=$(find "${in%/*}/runfile" -name '*.run' -print -quit 2>/dev/null)
    if [[ -n $runfile ]]; then
        # The folders of the .run file; its README, "Open Linux Kernel Modules".
        [[ -d $BUILD/runfile ]] || sh "$runfile" --extract-only --target "$BUILD/runfile" >&2
        conf=$BUILD/runfile/kernel$([[ $type == open ]] && echo -open)/Kbuild
    else
        mkdir -p "$unpacked"
        for deb in "$in"/sources/*.deb; do
            dpkg-deb --fsys-tarfile "$deb" | tar --extract --directory "$unpacked"
        done
        conf=$(find "$unpacked" -name dkms.conf -print -quit)
    fi
    if [[ ! -e $conf ]]; then
        echo "compile.sh: error: no $type module sources in $(basename "${runfile:-$(echo "$in"/sources/*)}")" >&2
        return 1
    fi
    dirname "$conf"
}

# Prints what NVIDIA's Kbuild lacks at its end, whose last line may be cut short. It changes no question and no answer.
speed_up_conftest() {
    cat <<'END'

# The options are found out once, not for each of some 400 questions anew by three calls of the compiler.
NV_CONFTEST_CFLAGS := $(NV_CONFTEST_CFLAGS)
# Before make 4.4.1 the kernel says `.SECONDARY:`, which makes every file an intermediate one, and make walks the prerequisites of
# such a file each time that it meets it: those of 400 questions, for each of 200 objects. With a name, it is about that one alone.
.SECONDARY: $(NV_CONFTEST_HEADERS)
END
}

make_modules() {
    local kernel=/lib/modules/$KERNEL_RELEASE debug=-g0
    # In a tenth of its time the compiler follows each token through its macros, for what messages then say of them.
    local -r messages=-ftrack-macro-expansion=0
    # With gendwarfksyms the CRCs of exported symbols are computed from debug info (Kconfig of Linux 6.14, GENDWARFKSYMS).
    if grep -q '^#define CONFIG_GENDWARFKSYMS 1' "$kernel/build/include/generated/autoconf.h"; then
        debug=
    fi
    # NVIDIA's Kbuild calls conftest.sh by this variable, and the last word on a variable is the command line's.
    # shellcheck disable=SC2016 # make's variables, not ours
    local -r conftest='NV_CONFTEST_CMD=/bin/sh $(NV_CONFTEST_SCRIPT) "conftest-cc $(strip $(CC))" $(ARCH) $(NV_KERNEL_SOURCES) $(NV_KERNEL_OUTPUT)'
    KBUILD_BUILD_USER=nvidia-installer KBUILD_BUILD_HOST=nvidia-installer \
        KBUILD_BUILD_TIMESTAMP=$(LC_ALL=C date --utc --date="@$SOURCE_DATE_EPOCH") KBUILD_BUILD_VERSION=1 \
        make --jobs="$JOBS" modules \
        KERNEL_UNAME="$KERNEL_RELEASE" SYSSRC="$(readlink -f "$kernel/source")" SYSOUT="$(readlink -f "$kernel/build")" \
        "$conftest" "${TOOLCHAIN[@]}" KCFLAGS="$messages $debug" KAFLAGS="$debug"
}

main "$@"
