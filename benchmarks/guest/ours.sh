# shellcheck shell=bash
# Installs our image on a node.

section "ours" nvidia-installer install
section "loaded" grep -c ^nvidia /proc/modules
