# shellcheck shell=bash
# Our way on a node.

section "ours" nvidia-installer install
section "loaded" grep -c ^nvidia /proc/modules
