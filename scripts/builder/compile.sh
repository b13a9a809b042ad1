#!/usr/bin/env bash
# Compiles NVIDIA's kernel modules inside the builder container, which has no network.
#
#   compile.sh IN OUT
#
# IN/<type>/sources/*.deb     a package with the module sources of one type (proprietary, open)
# IN/runfile/*.run            or NVIDIA's own installer, with the sources of both types
# IN/<type>/patches/*.patch   patches for the sources, applied in the order of their names
# IN/<type>/patches/*.c       the probe of the patch of this name, if it has one (see ask-probes)
# IN/answers                  optional: conftest's known answers for this kernel (see conftest-cc)
# OUT/<type>/*.ko             the modules, without debug info
# OUT/<type>/patches          a line for each patch: `<name> applied` or `<name> not-needed`
# OUT/<type>/make.log         the output of make and the compiler
# OUT/<type>/failed           an empty file; exists if the type did not compile
# OUT/kernel.symvers          the kernel's Module.symvers, to check the modules against
# OUT/answers                 new answers from conftest
#
# headers.sh has installed the kernel's headers.
#
# Environment:
#   KERNEL_RELEASE      as `uname -r` prints it
#   ARCHITECTURE        the kernel's architecture, by Debian's name; Debian's cross compiler serves a foreign one
#   DRIVER_VERSION      the version of the driver
#   MODULE_TYPES        the types to compile, separated by spaces
#   JOBS                the number of parallel jobs of make
#   SOURCE_DATE_EPOCH   the build time, in seconds since 1970
#
# The same inputs give the same bytes: path, user, host and time are fixed.
#
# Exit codes: 0 all types compiled; 1 at least one type failed, the others compiled; 2 wrong usage or unusable inputs.
set -euo pipefail

readonly BUILD=/build

main() {
    if (($# != 2)); then
        sed -n '2,4p' "$0" >&2
        exit 2
    fi
    local in=$1 out=$2 type failed=0
    : "${KERNEL_RELEASE:?}" "${ARCHITECTURE:?}" "${DRIVER_VERSION:?}" "${MODULE_TYPES:?}" "${JOBS:?}" "${SOURCE_DATE_EPOCH:?}"

    select_toolchain
    require_compiler
    prepare_fork_servers
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

# Sets PREFIX, the prefix of the toolchain's program names, and TOOLCHAIN, make's arguments for it.
# Both are empty for the container's own architecture.
select_toolchain() {
    PREFIX='' TOOLCHAIN=()
    [[ $ARCHITECTURE != "$(dpkg --print-architecture)" ]] || return 0
    case $ARCHITECTURE in
        amd64) PREFIX=x86_64-linux-gnu- TOOLCHAIN=(ARCH=x86_64) ;;
        arm64) PREFIX=aarch64-linux-gnu- TOOLCHAIN=(ARCH=arm64) ;;
        *)
            echo "compile.sh: error: no cross compiler is known for $ARCHITECTURE; use amd64 or arm64" >&2
            exit 2
            ;;
    esac
    if ! command -v "${PREFIX}gcc" >/dev/null; then
        echo "compile.sh: error: this builder has no ${PREFIX}gcc, which compiles for $ARCHITECTURE" >&2
        exit 2
    fi
    TOOLCHAIN+=("CROSS_COMPILE=$PREFIX" "CC=${PREFIX}gcc" "LD=${PREFIX}ld" "OBJDUMP=${PREFIX}objdump")
}

# Fails if this builder lacks the compiler that the kernel's own Makefile calls, such as gcc-14. Only make can tell its name.
require_compiler() {
    local compiler
    mkdir -p "$BUILD/compiler"
    # shellcheck disable=SC2016 # make's variable, not ours
    echo '$(info compiler: $(firstword $(CC)))' >"$BUILD/compiler/Kbuild"
    compiler=$(make --silent --directory "/lib/modules/$KERNEL_RELEASE/build" M="$BUILD/compiler" "${TOOLCHAIN[@]}" 2>&1 \
        | sed -n 's/^compiler: //p') || true
    # make reads the file more than once.
    compiler=${compiler%%$'\n'*}
    if [[ -n $compiler ]] && ! command -v "$compiler" >/dev/null; then
        echo "compile.sh: error: this builder has no $compiler, which the kernel is compiled with" >&2
        exit 2
    fi
}

# Sets FORK_SERVERS for fork-cc1. Without the library in that folder, fork-cc1 only calls the compiler.
prepare_fork_servers() {
    export FORK_SERVERS=$BUILD/fork-servers
    mkdir -p "$FORK_SERVERS"
    gcc -O1 -shared -fPIC -o "$FORK_SERVERS/fork-server.so" "$(dirname "$0")/fork-server.c" \
        || echo "compile.sh: warning: no fork servers, so this takes longer" >&2
}

compile_type() {
    set -euo pipefail
    local type=$1 in=$2 out=$3 build=$BUILD/$1 sources
    sources=$(unpack_sources "$type" "$in") || return 1
    mv "$sources" "$build"
    cd "$build"
    apply_patches "$type" "$in/patches" "$out/patches" || return 1
    speed_up_conftest >>Kbuild
    make_modules
    "${PREFIX}strip" --strip-debug ./*.ko
    cp ./*.ko "$out"
}

# Applies the patches of a folder that the kernel needs, and writes what was done with each into a file.
apply_patches() {
    local type=$1 patches=$2 done=$3 answers=$BUILD/answers-$1 patch name
    ask-probes "$patches" "$BUILD/probes-$type" "/lib/modules/$KERNEL_RELEASE/build" --jobs="$JOBS" "${TOOLCHAIN[@]}" \
        >"$answers" || return 1
    touch "$done"
    for patch in "$patches"/*.patch; do
        [[ -e $patch ]] || continue
        name=$(basename "$patch" .patch)
        if grep --quiet --fixed-strings --line-regexp "$name not-needed" "$answers"; then
            echo "not needed: $name.patch"
            echo "$name not-needed" >>"$done"
            continue
        fi
        echo "applying $name.patch"
        if ! patch --strip=1 --fuzz=0 --no-backup-if-mismatch --dry-run --input="$patch"; then
            echo "compile.sh: error: patch $name.patch $(why_refused "$patch")"
            return 1
        fi
        patch --strip=1 --fuzz=0 --no-backup-if-mismatch --quiet --input="$patch"
        echo "$name applied" >>"$done"
    done
}

# Tells why the sources refuse a patch.
why_refused() {
    if patch --strip=1 --fuzz=0 --dry-run --reverse --force --input="$1" >/dev/null; then
        echo "is not needed any more: driver $DRIVER_VERSION has this change"
    else
        echo "does not apply to driver $DRIVER_VERSION"
    fi
}

# Prints the folder with the module sources of a type. Fails with a message if there are none.
unpack_sources() {
    local type=$1 in=$2 unpacked=$BUILD/unpacked-$1 deb conf
    local -r runfile=$(find "${in%/*}/runfile" -name '*.run' -print -quit 2>/dev/null)
    if [[ -n $runfile ]]; then
        # Source of the folder names: the README in the .run file, "Open Linux Kernel Modules".
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

# Prints lines to append to NVIDIA's Kbuild. They change no conftest result. The first line is empty, because the last line
# of the Kbuild may lack its line feed.
speed_up_conftest() {
    cat <<'END'

# `:=` computes the options once. Otherwise make calls the compiler three times for each of about 400 tests.
NV_CONFTEST_CFLAGS := $(NV_CONFTEST_CFLAGS)
# Before make 4.4.1, Linux uses `.SECONDARY:` without names, which makes every file intermediate. Then make walks the 400
# tests' prerequisites for each of 200 objects. With names, .SECONDARY applies to those files only.
.SECONDARY: $(NV_CONFTEST_HEADERS)
END
}

make_modules() {
    local kernel=/lib/modules/$KERNEL_RELEASE debug=-g0 wrapper=
    # The compiler takes 10% longer to track tokens through macros, which only its messages use.
    local -r messages=-ftrack-macro-expansion=0
    # gendwarfksyms computes the CRCs of exported symbols from debug info (GENDWARFKSYMS in the Kconfig of Linux 6.14).
    if grep -q '^#define CONFIG_GENDWARFKSYMS 1' "$kernel/build/include/generated/autoconf.h"; then
        debug=
    fi
    # gcc reads shared headers once (fork-cc1). Clang has no -wrapper.
    if grep -q '^#define CONFIG_CC_IS_GCC 1' "$kernel/build/include/generated/autoconf.h"; then
        wrapper='-wrapper fork-cc1'
    fi
    # BTF describes a module's types to BPF programs. It is made from debug info, by pahole; without it a module loads as well.
    # NVIDIA's Kbuild calls conftest.sh through this variable. The command line overrides the Kbuild's value.
    # shellcheck disable=SC2016 # make's variables, not ours
    local -r conftest='NV_CONFTEST_CMD=/bin/sh $(NV_CONFTEST_SCRIPT) "conftest-cc $(strip $(CC))" $(ARCH) $(NV_KERNEL_SOURCES) $(NV_KERNEL_OUTPUT)'
    KBUILD_BUILD_USER=nvidia-installer KBUILD_BUILD_HOST=nvidia-installer \
        KBUILD_BUILD_TIMESTAMP=$(LC_ALL=C date --utc --date="@$SOURCE_DATE_EPOCH") KBUILD_BUILD_VERSION=1 \
        make --jobs="$JOBS" modules \
        KERNEL_UNAME="$KERNEL_RELEASE" SYSSRC="$(readlink -f "$kernel/source")" SYSOUT="$(readlink -f "$kernel/build")" \
        CONFIG_DEBUG_INFO_BTF_MODULES= "$conftest" "${TOOLCHAIN[@]}" KCFLAGS="$messages $debug" KAFLAGS="$debug" CFLAGS_MODULE="$wrapper"
}

main "$@"
