# shellcheck shell=bash disable=SC2034 # used by the files beside this one
# What each exit code of nvidia-installer means, and nothing else means. docs/reference/node.md shows the same table.
readonly EXIT_OK=0                  # done, or there was nothing to do
readonly EXIT_STEP_FAILED=1         # a step failed; the words of its tool stand above the last line
readonly EXIT_USAGE=2               # the command line, an environment variable or a parameter file is wrong
readonly EXIT_WRONG_KERNEL=10       # the node runs another kernel than the image was built for
readonly EXIT_WRONG_ARCHITECTURE=11 # the node's processor is of another architecture than the image
readonly EXIT_NOT_ROOT=12           # it does not run as root
readonly EXIT_NO_SPACE=13           # the disk is too small for the driver
readonly EXIT_LOCKED=14             # another nvidia-installer is at work on this node
readonly EXIT_DAMAGED_IMAGE=15      # the image is incomplete or damaged
readonly EXIT_NO_MODULE_TYPE=16     # the image does not hold the module type that is wanted or that the node's GPUs need
readonly EXIT_HOST_ROOT=17          # the host's root is not mounted, or cannot be written
readonly EXIT_MODULE_REFUSED=20     # the kernel refused a module that the driver cannot do without
readonly EXIT_IN_USE=21             # the driver that is loaded has to go, and is in use; its users stand above the last line
readonly EXIT_NO_GPU=22             # the node has no NVIDIA GPU
readonly EXIT_SIGNATURE=23          # the kernel takes signed modules only, and these are not signed by a key that it trusts
readonly EXIT_NOUVEAU_IN_USE=24     # the kernel's own driver, nouveau, is in use
readonly EXIT_NO_USABLE_GPU=25      # the driver found no GPU that it can drive
readonly EXIT_CHECK_FAILED=26       # the driver is loaded, but nvidia-smi cannot use it
readonly EXIT_NO_FABRIC_MANAGER=27  # the node has an NVSwitch, and the fabric manager that it needs is missing
readonly EXIT_NOT_READY=30          # the driver is not installed, loaded and ready
readonly EXIT_TIMED_OUT=31          # the driver did not become ready in time
readonly EXIT_DRIVER_GONE=32        # the driver was ready, and is not loaded any more
readonly EXIT_STOPPED=143           # a signal ended it; the next run goes on from there
