# shellcheck shell=bash
# An installer that has to refuse this node before it touches anything.

section "listing before" listing
section "install" nvidia-installer install
section "listing after" listing
section "loaded" cat /proc/modules
