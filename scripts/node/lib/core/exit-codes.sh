# shellcheck shell=bash disable=SC2034 # used by the files beside this one
# The exit codes of nvidia-installer, each with one meaning. docs/reference/node.md shows the same table.
readonly EXIT_OK=0                  # done, or nothing to do
readonly EXIT_STEP_FAILED=1         # a step failed; its tool's output is above the last line
readonly EXIT_USAGE=2               # the command line, an environment variable or a parameter file is wrong
readonly EXIT_WRONG_KERNEL=10       # the node does not run the kernel that the image is for
readonly EXIT_WRONG_ARCHITECTURE=11 # the node does not have the architecture that the image is for
readonly EXIT_NOT_ROOT=12           # nvidia-installer does not run as root
readonly EXIT_NO_SPACE=13           # the disk has too little space for the driver
readonly EXIT_LOCKED=14             # another nvidia-installer runs on this node
readonly EXIT_DAMAGED_IMAGE=15      # the image is incomplete or damaged
readonly EXIT_NO_MODULE_TYPE=16     # the image's driver or module types do not fit the node's GPUs, or it lacks the requested type
readonly EXIT_HOST_ROOT=17          # the host's root is not mounted, or not writable
readonly EXIT_MODULE_REFUSED=20     # the kernel refused a required module
readonly EXIT_IN_USE=21             # the loaded driver must be unloaded, but is in use; its users are above the last line
readonly EXIT_NO_GPU=22             # the node has no NVIDIA GPU, or guests have all of them
readonly EXIT_SIGNATURE=23          # the kernel loads signed modules only, and does not trust the key of these modules
readonly EXIT_OTHER_DRIVER=24       # another driver holds a GPU: one of the kernel's own, such as nouveau
readonly EXIT_NO_USABLE_GPU=25      # the driver found no GPU that it supports
readonly EXIT_CHECK_FAILED=26       # the driver is loaded, but nvidia-smi fails
readonly EXIT_NO_FABRIC_MANAGER=27  # the node needs a fabric manager, but the image or the kernel lacks a part of it, or it does not run
readonly EXIT_NOT_READY=30          # the driver is not installed, not loaded or not ready
readonly EXIT_TIMED_OUT=31          # the driver did not become ready in time
readonly EXIT_DRIVER_GONE=32        # the driver was ready, but is no longer loaded
readonly EXIT_STOPPED=143           # a signal stopped the run; the next run continues
