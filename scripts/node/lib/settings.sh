# shellcheck shell=bash
# The environment variables that nvidia-installer reads. docs/reference/node.md shows the same table.

: "${NVIDIA_INSTALLER_HOME:=/opt/nvidia-installer}" # where the image's manifest and archives are
: "${HOST_ROOT:=/}"                                 # the host's root, as it is mounted into the container
: "${INSTALL_ROOT:=/opt/nvidia}"                    # where drivers are installed, as the host sees it
: "${KERNEL_MODULE_TYPE:=auto}"                     # auto, open or proprietary; auto goes by the driver's branch and the node's GPUs
: "${REQUIRE_GPU:=true}"                            # true or false: whether to end with 22 on a node without an NVIDIA GPU
: "${PARAMETERS_DIR:=/drivers}"                     # the folder of module parameters, one file `<module>.conf` a module
: "${IOMMU_GROUP_TYPE:=auto}"                       # auto or keep: whether GPUs in a strict DMA group of the IOMMU get type identity
: "${PERSISTENCE:=auto}"                            # auto or off: whether `wait` and `nvidia-driver` run nvidia-persistenced
: "${FABRIC_MANAGER:=auto}"                         # auto, required or off: what a node with an NVSwitch gets; required ends with 27 without it
: "${POLL_SECONDS:=5}"                              # how long `wait` and `nvidia-driver` sleep between two looks
: "${RUN_DIR:=/run/nvidia}"                         # where readiness is told, as the host sees it
: "${METRICS_FILE:=}"                              # a file for node-exporter's textfile collector, as the host sees it; empty: none
: "${FEATURES_FILE:=}"                             # a file for Node Feature Discovery, as the host sees it; empty: none
: "${SYSFS_ROOT:=/sys}"                             # the kernel's view of devices, modules and firmware
: "${PROC_ROOT:=/proc}"                             # the kernel's view of processes and device numbers
: "${DEV_ROOT:=/dev}"                               # this container's own device files, for the programs that it runs itself
: "${OPEN_KERNEL_MODULES_ENABLED:=false}"           # the GPU Operator's older word for KERNEL_MODULE_TYPE=open
: "${DRIVER_CONFIG_DIGEST:=none}"                   # the GPU Operator's name for a configuration, kept for its driver manager
: "${GPU_DIRECT_RDMA_ENABLED:=false}"               # told in .driver-ctr-ready
: "${GDS_ENABLED:=false}"                           # told in .driver-ctr-ready
: "${GDRCOPY_ENABLED:=false}"                       # told in .driver-ctr-ready
: "${USE_HOST_MOFED:=false}"                        # true or false: whether nvidia-peermem waits for the host's own mlx5_core

readonly NVIDIA_INSTALLER_HOME HOST_ROOT INSTALL_ROOT KERNEL_MODULE_TYPE REQUIRE_GPU PARAMETERS_DIR IOMMU_GROUP_TYPE
readonly PERSISTENCE FABRIC_MANAGER POLL_SECONDS RUN_DIR SYSFS_ROOT PROC_ROOT DEV_ROOT OPEN_KERNEL_MODULES_ENABLED
readonly METRICS_FILE FEATURES_FILE DRIVER_CONFIG_DIGEST GPU_DIRECT_RDMA_ENABLED GDS_ENABLED GDRCOPY_ENABLED USE_HOST_MOFED

# Where drivers are installed and readiness is told, as this process sees it.
# shellcheck disable=SC2034 # used by the files beside this one
readonly STORE=${HOST_ROOT%/}$INSTALL_ROOT STATE=${HOST_ROOT%/}$RUN_DIR

# These say where an install tells how it ended, so that it can tell of all others that are wrong.
check_report_settings() {
  [[ $HOST_ROOT == /* ]] || usage_error "HOST_ROOT=$HOST_ROOT is not an absolute path"
  [[ -z $METRICS_FILE ]] || check_plain_path METRICS_FILE /var/lib/node_exporter/textfile_collector/nvidia-installer.prom
  [[ -z $METRICS_FILE || $METRICS_FILE == *.prom ]] ||
    usage_error "METRICS_FILE=$METRICS_FILE is no name that node-exporter reads; it has to end with .prom"
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
  usage_error "$name=${!name} is none of: $*"
}
