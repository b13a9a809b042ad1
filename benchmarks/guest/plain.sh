# shellcheck shell=bash
# Installs the plain image on a node.

section "plain" /guest/plain-install
section "loaded" grep -c ^nvidia /proc/modules
