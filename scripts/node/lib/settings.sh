# shellcheck shell=bash
# The environment variables that nvidia-installer reads. docs/reference/node.md shows the same table.

: "${NVIDIA_INSTALLER_HOME:=/opt/nvidia-installer}" # where the image's manifest and archives are
: "${HOST_ROOT:=/}"                                 # the host's root, as it is mounted into the container
: "${INSTALL_ROOT:=/opt/nvidia}"                    # where drivers are installed, as the host sees it
: "${KERNEL_MODULE_TYPE:=auto}"                     # auto, open or proprietary; auto is the image's first
: "${SYSFS_ROOT:=/sys}"                             # the kernel's view of its modules and firmware

readonly NVIDIA_INSTALLER_HOME HOST_ROOT INSTALL_ROOT KERNEL_MODULE_TYPE SYSFS_ROOT

# Where drivers are installed, as this process sees it.
# shellcheck disable=SC2034 # used by the files beside this one
readonly STORE=${HOST_ROOT%/}$INSTALL_ROOT

check_settings() {
  [[ $HOST_ROOT == /* ]] || usage_error "HOST_ROOT=$HOST_ROOT is not an absolute path"
  [[ $INSTALL_ROOT =~ ^(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+$ ]] ||
    usage_error "INSTALL_ROOT=$INSTALL_ROOT is not a plain absolute path, such as /opt/nvidia"
  [[ $KERNEL_MODULE_TYPE =~ ^(auto|open|proprietary)$ ]] ||
    usage_error "KERNEL_MODULE_TYPE=$KERNEL_MODULE_TYPE is none of auto, open and proprietary"
}
