# shellcheck shell=bash
# The environment variables that nvidia-installer reads. docs/reference/node.md shows the same table.

: "${NVIDIA_INSTALLER_HOME:=/opt/nvidia-installer}" # folder of the image's manifest and archives
: "${HOST_ROOT:=/}"                                 # mount point of the host's root in the container
: "${INSTALL_ROOT:=/opt/nvidia}"                    # folder of the installed drivers, on the host
: "${KERNEL_MODULE_TYPE:=auto}"                     # auto, open or proprietary; auto depends on the driver's branch and the node's GPUs
: "${REQUIRE_GPU:=true}"                            # true: exit with 22 on a node without an NVIDIA GPU; false: install anyway
: "${PARAMETERS_DIR:=/drivers}"                     # folder of module parameters, with a file `<module>.conf` for each module
: "${IOMMU_GROUP_TYPE:=auto}"                       # auto: set GPUs in an IOMMU group of type DMA to type identity; keep: change nothing
: "${PERSISTENCE:=auto}"                            # auto: run nvidia-persistenced on a node with a GPU; off: never
: "${FABRIC_MANAGER:=auto}"                         # auto: run it on a node with an NVSwitch; required: exit with 27 if the image lacks it; off
: "${CDI_KINDS:=nvidia.com/gpu}"                     # kinds of the CDI specifications, separated by spaces; off: none
: "${POLL_SECONDS:=5}"                              # seconds between two polls of `wait` and `nvidia-driver`
: "${DAEMON_STOP_SECONDS:=30}"                      # seconds that a daemon has to end before it is killed, and that `uninstall` waits for other users in its pod
: "${COLLECT_SECONDS:=60}"                          # seconds that `collect` has to gather its content
: "${RUN_DIR:=/run/nvidia}"                         # folder of readiness, the lock, and the daemons' output, on the host
: "${METRICS_FILE:=}"                               # file for node-exporter's textfile collector, on the host; empty: none
: "${FEATURES_FILE:=}"                              # file for Node Feature Discovery, on the host; empty: none
: "${SYSFS_ROOT:=}"                                 # mount point of sysfs; empty: the host's, below HOST_ROOT, or else /sys
: "${PROC_ROOT:=/proc}"                             # mount point of procfs: processes and device numbers
: "${DEV_ROOT:=/dev}"                               # folder of the container's own device files
: "${OPEN_KERNEL_MODULES_ENABLED:=false}"           # the GPU Operator's older form of KERNEL_MODULE_TYPE=open
: "${DRIVER_CONFIG_DIGEST:=none}"                   # the GPU Operator's digest of a configuration, written for its driver manager
: "${GPU_DIRECT_RDMA_ENABLED:=false}"               # written to .driver-ctr-ready
: "${GDS_ENABLED:=false}"                           # written to .driver-ctr-ready
: "${GDRCOPY_ENABLED:=false}"                       # written to .driver-ctr-ready
: "${USE_HOST_MOFED:=false}"                        # true: nvidia-peermem waits for the host's mlx5_core; false: for the MOFED container

# containerd mounts a container's own /sys read-only in some pods: https://github.com/containerd/containerd/issues/8445. The host's
# is writable.
if [[ -z $SYSFS_ROOT ]]; then
  SYSFS_ROOT=/sys
  [[ ! -d ${HOST_ROOT%/}/sys/module ]] || SYSFS_ROOT=${HOST_ROOT%/}/sys
fi

readonly NVIDIA_INSTALLER_HOME HOST_ROOT INSTALL_ROOT KERNEL_MODULE_TYPE REQUIRE_GPU PARAMETERS_DIR IOMMU_GROUP_TYPE
readonly PERSISTENCE FABRIC_MANAGER POLL_SECONDS CDI_KINDS DAEMON_STOP_SECONDS COLLECT_SECONDS RUN_DIR SYSFS_ROOT PROC_ROOT DEV_ROOT OPEN_KERNEL_MODULES_ENABLED
readonly METRICS_FILE FEATURES_FILE DRIVER_CONFIG_DIGEST GPU_DIRECT_RDMA_ENABLED GDS_ENABLED GDRCOPY_ENABLED USE_HOST_MOFED

# The folders of drivers and of the readiness files in this container, with the host's links resolved. check_host_root reports a
# path that cannot be resolved.
resolve_path "$INSTALL_ROOT" || true
DRIVERS_DIR=$RESOLVED
resolve_path "$RUN_DIR" || true
STATE_DIR=$RESOLVED
# shellcheck disable=SC2034 # used by the files beside this one
readonly DRIVERS_DIR STATE_DIR

# Checks these settings first, so that the reports can record an error in any other setting.
check_report_settings() {
  [[ $HOST_ROOT == /* ]] || usage_error "HOST_ROOT=$HOST_ROOT is not an absolute path"
  [[ -z $METRICS_FILE ]] || check_plain_path METRICS_FILE /var/lib/node_exporter/textfile_collector/nvidia-installer.prom
  [[ -z $METRICS_FILE || $METRICS_FILE == *.prom ]] ||
    usage_error "METRICS_FILE=$METRICS_FILE is not read by node-exporter; the name must end with .prom"
  [[ -z $FEATURES_FILE ]] ||
    check_plain_path FEATURES_FILE /etc/kubernetes/node-feature-discovery/features.d/nvidia-installer
}

check_settings() {
  local name
  check_plain_path INSTALL_ROOT /opt/nvidia
  check_plain_path RUN_DIR /run/nvidia
  for name in PARAMETERS_DIR SYSFS_ROOT PROC_ROOT DEV_ROOT; do
    [[ ${!name} == /* ]] || usage_error "$name=${!name} is not an absolute path"
  done
  check_choice KERNEL_MODULE_TYPE auto open proprietary
  check_choice IOMMU_GROUP_TYPE auto keep
  check_choice PERSISTENCE auto off
  check_choice FABRIC_MANAGER auto required off
  for name in REQUIRE_GPU OPEN_KERNEL_MODULES_ENABLED GPU_DIRECT_RDMA_ENABLED GDS_ENABLED GDRCOPY_ENABLED USE_HOST_MOFED; do
    check_choice "$name" true false
  done
  [[ $CDI_KINDS =~ ^[a-z][a-z0-9.-]*/[a-z][a-z0-9_.-]*( +[a-z][a-z0-9.-]*/[a-z][a-z0-9_.-]*)*$|^off$ ]] ||
    usage_error "CDI_KINDS=$CDI_KINDS is not off, or a list of kinds such as nvidia.com/gpu, separated by spaces"
  [[ $DAEMON_STOP_SECONDS =~ ^[0-9]{1,4}$ ]] ||
    usage_error "DAEMON_STOP_SECONDS=$DAEMON_STOP_SECONDS is not a whole number of seconds"
  [[ $POLL_SECONDS =~ ^[0-9]{1,4}(\.[0-9]{1,3})?$ ]] || usage_error "POLL_SECONDS=$POLL_SECONDS is not a number of seconds"
}

check_plain_path() { # VARIABLE EXAMPLE
  [[ ${!1} =~ ^(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+$ ]] ||
    usage_error "$1=${!1} is not a plain absolute path, such as $2"
}

check_choice() { # VARIABLE VALUE…
  local -r name=$1
  local choice
  shift
  for choice; do
    [[ ${!name} != "$choice" ]] || return 0
  done
  usage_error "$name=${!name} is not one of: $*"
}
