#!/usr/bin/env bash
# Measures how compiler options change the compile time of a file that includes the headers of a driver.
#
#   options.sh IMAGE OPTION …
#
# IMAGE contains the headers of a kernel; `invoke compile` builds it: `docker images 'nvidia-installer/kernel-*'`. Each sample is
# the CPU time of five compiles in seconds. There are 14 samples without an option and 14 with each option, in turn. Prints the
# median for each option and its ratio to the median without options. Warns if an option changes the object file.
#
# Exit codes: 0 done; 2 wrong usage; otherwise the exit code of the command that failed.
set -euo pipefail

main() {
    if (($# < 2)); then
        sed -n '4p' "$0" >&2
        exit 2
    fi
    local -r image=$1
    shift
    { declare -f measure && echo "measure $(printf '%q ' "$@")"; } \
        | docker run --rm --interactive --network none --entrypoint bash "$image" -s | medians
}

# Runs in the container. Prints a line `option user-seconds system-seconds` for each sample.
measure() {
    set -euo pipefail
    local -r folder=/module TIMEFORMAT='%U %S'
    local compile before option
    mkdir "$folder"
    {
        printf '#include <%s>\n' linux/{mm,pci,interrupt,module,fs,acpi,proc_fs}.h drm/drm_device.h
        echo 'static int __used enable(struct pci_dev *device) { return pci_enable_device(device); }'
    } >"$folder/driver.c"
    echo 'obj-m := driver.o' >"$folder/Kbuild"
    cd /lib/modules/*/build
    # The compile command alone, without objtool and the other steps after it, and without debug info, as in our builds.
    compile=$(make M="$folder" KCFLAGS=-g0 V=1 driver.o | grep --only-matching '^ *[^ ]*gcc.* -c -o [^ ]*driver.o [^ ]*driver.c')
    eval "$compile"
    before=$(sha256sum <"$folder/driver.o")
    for option in "$@"; do
        eval "$compile $option"
        [[ $(sha256sum <"$folder/driver.o") == "$before" ]] || echo "$option changes the object" >&2
    done
    for _ in {1..14}; do
        for option in '' "$@"; do
            printf '%s ' "${option:-none}"
            { time for _ in {1..5}; do eval "$compile $option"; done; } 2>&1
        done
    done
}

medians() {
    awk '{ print $1, $2 + $3 }' | sort --key=1,1 --key=2,2n | awk '
        { seconds[$1, ++count[$1]] = $2 }
        END {
            for (option in count)
                median[option] = (seconds[option, 7] + seconds[option, 8]) / 2
            for (option in count)
                printf "%-30s %.2f s  %.2f\n", option, median[option], median[option] / median["none"]
        }' | sort --key=4,4nr
}

main "$@"
