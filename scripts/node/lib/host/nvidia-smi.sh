# shellcheck shell=bash
# NVIDIA's program that queries GPUs.

# Becomes nvidia-smi, whose errors go to its output. It may hang if a GPU has failed. To be called in a command substitution.
run_nvidia_smi() { # [ARGUMENT…]
  without_lock env LD_LIBRARY_PATH="$DRIVERS_DIR/current/lib" timeout --kill-after=10 120 \
    "$DRIVERS_DIR/current/bin/nvidia-smi" "$@" 2>&1
}
