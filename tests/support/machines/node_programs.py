"""The programs of a node under test: the ones of the image, and stubs for those that would reach this machine's kernel."""

KERNEL = "6.12.117+deb13-cloud-amd64"
MODULE_FOLDER = f"lib/modules/{KERNEL}/kernel/drivers/video/nvidia"

READING = (
    "bash",
    "cat",
    "comm",
    "df",
    "env",
    "find",
    "flock",
    "grep",
    "ls",
    "mktemp",
    "modinfo",
    "readlink",
    "realpath",
    "sed",
    "setsid",
    "sha256sum",
    "sleep",
    "sort",
    "tail",
    "timeout",
    "tr",
    "zstd",
)
WRITING = ("depmod", "ln", "mkdir", "mv", "rm", "rmdir", "tar")

# The kernel's side of the tools, with what is loaded in sysfs. nvidia-peermem never loads on a stock kernel.
UNAME = f'case $1 in -r) echo "${{KERNEL:-{KERNEL}}}" ;; -m) echo "${{MACHINE:-x86_64}}" ;; esac'
HOLD = """\
count() { ls "$SYSFS_ROOT/module/$1/holders" | wc -l >"$SYSFS_ROOT/module/$1/refcnt"; }
held_by() { case $1 in nvidia_uvm | nvidia_modeset) echo nvidia ;; nvidia_drm) echo nvidia_modeset ;; esac; }
"""
MODPROBE = f"""\
{HOLD}
[ "$1" = -d ] || exit 1
file=$2/{MODULE_FOLDER}/$3.ko
case " nvidia-peermem ${{REFUSED:-}} " in
  *" $3 "*) echo "modprobe: ERROR: could not insert '$3': ${{REASON:-Invalid argument}}" >&2; exit 1 ;;
esac
name=$(echo "$3" | tr - _)
folder=$SYSFS_ROOT/module/$name
case $3 in nvidia*) [ -f "$file" ] && [ -f "$2/lib/modules/{KERNEL}/modules.dep" ] || exit 1 ;; esac
mkdir -p "$folder/holders"
echo 0 >"$folder/refcnt"
case $3 in nvidia) for key in version srcversion; do modinfo -F $key "$file" >"$folder/$key"; done ;; esac
for held in $(held_by "$name"); do mkdir "$SYSFS_ROOT/module/$held/holders/$name"; count "$held"; done
"""
RMMOD = f"""\
{HOLD}
name=$(echo "$1" | tr - _)
[ -z "$(ls "$SYSFS_ROOT/module/$name/holders")" ] || {{ echo "rmmod: ERROR: Module $1 is in use" >&2; exit 1; }}
rm -r "$SYSFS_ROOT/module/$name"
for held in $(held_by "$name"); do rmdir "$SYSFS_ROOT/module/$held/holders/$name"; count "$held"; done
"""
DMESG = """\
echo '[    1.0] Booting'
echo '[    2.0] nvidia: disagrees about version of symbol module_layout'
"""
# A device file is a file that says what it would be.
MKNOD = 'echo "c $5 $6 $2" >"$3"'
STAT = """\
case $1 in --printf=%t:%T*) ;; *) exec stat "$@" ;; esac
format=$1
shift 2
for path; do
  kind= major= minor=
  read -r kind major minor _ 2>/dev/null <"$path" || continue
  case $kind-$format in
    c-*%n*) printf '%x:%x %s\\n' "$major" "$minor" "$path" ;;
    c-*) printf '%x:%x' "$major" "$minor" ;;
  esac
done
"""
LDCONFIG = 'echo cache >"$2/etc/ld.so.cache"'
STUBS = {
    "uname": UNAME,
    "modprobe": MODPROBE,
    "rmmod": RMMOD,
    "dmesg": DMESG,
    "mknod": MKNOD,
    "stat": STAT,
    "ldconfig": LDCONFIG,
    "id": "echo ${USER_ID:-0}",
    # The real one waits for whatever else this machine writes.
    "sync": 'for path; do :; done; [ -e "$path" ]',
    "mount": ":",
    "umount": ":",
}
