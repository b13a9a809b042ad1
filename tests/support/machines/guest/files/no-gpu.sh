# shellcheck shell=bash
# A node without a GPU: first refused, and then, where the installer was told to go on, left to the driver.

# shellcheck source=refuse.sh
source /guest/refuse.sh
section "install all the same" env REQUIRE_GPU=false nvidia-installer install
section "loaded" cat /proc/modules
