#!/usr/bin/env bash
# Mounts what container engines need below a root, and holds it until its input ends. Runs in namespaces of its own for
# mounts, the network and processes.
#
# Usage: engine-root.sh ROOT DRIVERS
#   ROOT     folder of a Debian with container engines
#   DRIVERS  folder of installed drivers, for /opt/nvidia
set -euo pipefail

readonly ROOT=$1 DRIVERS=$2
readonly DEVICES=("nvidia0 195 0" "nvidiactl 195 255" "nvidia-modeset 195 254" "nvidia-uvm 238 0" "nvidia-uvm-tools 238 1")

mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"
# crun refuses version 2 of control groups beside version 1 with controllers.
while read -r _ point type _; do
  [[ $type != cgroup2 || $point != "$ROOT"/* || ! -d $ROOT/sys/fs/cgroup/memory ]] || umount "$point"
done </proc/self/mounts

mount -t tmpfs -o mode=755 none "$ROOT/dev"
for device in null zero full random urandom tty; do
  touch "$ROOT/dev/$device"
  mount --bind "/dev/$device" "$ROOT/dev/$device"
done
mkdir "$ROOT"/dev/{pts,shm,mqueue}
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$ROOT/dev/pts"
mount -t tmpfs none "$ROOT/dev/shm"
ln -s pts/ptmx "$ROOT/dev/ptmx"
ln -s /proc/self/fd "$ROOT/dev/fd"
for device in "${DEVICES[@]}"; do
  read -r name major minor <<<"$device"
  mknod -m 666 "$ROOT/dev/$name" c "$major" "$minor"
done

# What the engines write ends with the mounts.
for folder in run tmp var/lib/containerd var/lib/containers var/lib/docker; do
  mkdir -p "$ROOT/$folder"
  mount -t tmpfs none "$ROOT/$folder"
done
mkdir -p "$ROOT"/{run/cdi,opt/nvidia}
mount --bind "$DRIVERS" "$ROOT/opt/nvidia"
printf 'ready\n'
exec cat
