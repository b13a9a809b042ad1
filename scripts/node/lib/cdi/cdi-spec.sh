# shellcheck shell=bash
# Content of the CDI specifications (https://github.com/cncf-tags/container-device-interface, SPEC.md): what a container engine adds
# to a container that asks for a device.
#
# They have no hooks. NVIDIA's own specifications run a program of the host that writes links and a library cache into each container,
# as root. Here every library is mounted under all of its names, in folders that the linkers of glibc search without a cache:
# benchmarks/README.md compares both.

# 0.5.0 is the first version whose device names may begin with a digit.
readonly CDI_VERSION=0.5.0
# Device files that every container with a GPU needs.
readonly COMMON_DEVICES=(nvidiactl nvidia-uvm nvidia-uvm-tools nvidia-modeset)

# Prints the specification of the devices in CDI_DEVICES, which use a driver's files.
cdi_spec() { # KIND FOLDER
  printf '{\n "cdiVersion": "%s",\n "kind": "%s",\n "devices": [\n' "$CDI_VERSION" "$1"
  join_lines < <(print_cdi_devices)
  # The variable keeps NVIDIA's own runtime, if there is one, from adding GPUs too.
  printf ' ],\n "containerEdits": {\n  "env": ["NVIDIA_VISIBLE_DEVICES=void"],\n  "deviceNodes": [%s],\n  "mounts": [\n' \
    "$(common_device_nodes)"
  join_lines < <(print_cdi_mounts "$2")
  printf '  ]\n }\n}\n'
}

# Ends every line but the last one with a comma.
join_lines() {
  sed '$!s/$/,/'
}

print_cdi_devices() {
  local device
  for device in "${CDI_DEVICES[@]}"; do
    print_cdi_device "$device"
  done
  print_cdi_device "all $(printf '%s\n' "${CDI_DEVICES[@]#* }" | tr ' ' '\n' | sort -u | tr '\n' ' ')"
}

print_cdi_device() { # 'NAME FILE…'
  local -a words
  read -r -a words <<<"$1"
  printf '  {"name": "%s", "containerEdits": {"deviceNodes": [%s]}}\n' "${words[0]}" "$(device_nodes "${words[@]:1}")"
}

common_device_nodes() {
  local device
  local -a files=()
  for device in "${DEVICES[@]%% *}"; do
    [[ " ${COMMON_DEVICES[*]} " != *" $device "* ]] || files+=("/dev/$device")
  done
  device_nodes "${files[@]}"
}

device_nodes() { # FILE…
  local nodes
  printf -v nodes '{"path": "%s"}, ' "$@"
  printf '%s' "${nodes%, }"
}

# Prints the mounts of a driver's libraries, programs, firmware and OpenCL file. The linkers of Debian and Ubuntu search the first
# folder of libraries, those of Fedora, RHEL and SUSE the second one.
print_cdi_mounts() { # FOLDER
  local -r driver=$DRIVERS_DIR/$1
  local file triplet=x86_64-linux-gnu
  [[ ${IMAGE[ARCHITECTURE]} != arm64 ]] || triplet=aarch64-linux-gnu
  for file in "$driver"/lib/lib*.so*; do
    print_cdi_mount "$1" "lib/${file##*/}" "/usr/lib/$triplet/${file##*/}"
    print_cdi_mount "$1" "lib/${file##*/}" "/usr/lib64/${file##*/}"
  done
  for file in "$driver"/bin/nvidia-{smi,debugdump,cuda-mps-control,cuda-mps-server}; do
    print_cdi_mount "$1" "bin/${file##*/}" "/usr/bin/${file##*/}"
  done
  for file in "$driver"/lib/firmware/nvidia/* "$driver"/etc/OpenCL/vendors/*; do
    file=${file#"$driver"/}
    print_cdi_mount "$1" "$file" "/$file"
  done
}

print_cdi_mount() { # FOLDER PATH-IN-THE-DRIVER PATH-IN-THE-CONTAINER
  [[ ! -e $DRIVERS_DIR/$1/$2 ]] ||
    printf '   {"hostPath": "%s/%s/%s", "containerPath": "%s", "options": ["ro", "nosuid", "nodev", "rbind", "rprivate"]}\n' \
      "$INSTALL_ROOT" "$1" "$2" "$3"
}
