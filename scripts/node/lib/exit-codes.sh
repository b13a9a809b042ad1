# shellcheck shell=bash disable=SC2034 # used by the files beside this one
# What each exit code of nvidia-installer means, and nothing else means. docs/reference/node.md shows the same table.
readonly EXIT_OK=0                    # done, or there was nothing to do
readonly EXIT_STEP_FAILED=1           # a step failed; the words of its tool stand above the last line
readonly EXIT_USAGE=2                 # the command line or an environment variable is wrong
readonly EXIT_WRONG_KERNEL=10         # the node runs another kernel than the image was built for
readonly EXIT_WRONG_ARCHITECTURE=11   # the node's processor is of another architecture than the image
readonly EXIT_NOT_ROOT=12             # it does not run as root
readonly EXIT_NO_SPACE=13             # the disk is too small for the driver
readonly EXIT_LOCKED=14               # another nvidia-installer is at work on this node
readonly EXIT_DAMAGED_IMAGE=15        # the image is incomplete or damaged
readonly EXIT_NO_MODULE_TYPE=16       # the image does not hold the wanted module type
readonly EXIT_HOST_ROOT=17            # the host's root is not mounted, or cannot be written
readonly EXIT_MODULE_REFUSED=20       # the kernel refused a module that the driver cannot do without
readonly EXIT_OTHER_VERSION_LOADED=21 # the kernel has another version of the driver loaded
