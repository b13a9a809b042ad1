# shellcheck shell=bash
# GPUs behind a strict IOMMU. In a group of type DMA the driver's first transfers may fault (IO_PAGE_FAULT), and no device
# appears: https://github.com/gardenlinux/gardenlinux-nvidia-installer/pull/354. DMA-FQ, the default of most kernels, works.
# The type is writable while no driver uses the device: Documentation/ABI/testing/sysfs-kernel-iommu_groups.

relax_iommu_groups() {
  local gpu file type
  [[ $IOMMU_GROUP_TYPE == auto ]] || return 0
  for gpu in "${GPUS[@]}"; do
    file=$PCI_DEVICES/$gpu/iommu_group/type
    { read -r type <"$file"; } 2>/dev/null || continue
    [[ $type == DMA ]] || continue
    ! shares_group_with_guest "$gpu" || continue
    if try "the IOMMU group of $gpu stays of type DMA, in which the driver may fault" write_value identity "$file"; then
      log "the IOMMU group of $gpu is of type identity now; it was DMA, in which the driver may fault"
    fi
  done
}

shares_group_with_guest() { # GPU
  local guest
  for guest in "${GUEST_GPUS[@]}"; do
    if [[ $PCI_DEVICES/$1/iommu_group -ef $PCI_DEVICES/$guest/iommu_group ]]; then return 0; fi
  done
  return 1
}

write_value() { # WORD FILE
  printf '%s' "$1" >"$2"
}
