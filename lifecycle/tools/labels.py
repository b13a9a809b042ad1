"""The labels that images carry (OCI image specification, "Annotations": reverse-domain keys)."""

LABEL_DIGEST = "io.nvidia-installer.digest"
# Whose image it is: the `name` of component.yaml, by which `invoke prune` knows its own.
LABEL_COMPONENT = "io.nvidia-installer.component"
LABEL_COMBINATION = "io.nvidia-installer.combination"
LABEL_KERNEL = "io.nvidia-installer.kernel-release"
LABEL_DRIVER = "io.nvidia-installer.driver-version"
LABEL_OS = "io.nvidia-installer.os-release"
LABEL_MODULE_TYPES = "io.nvidia-installer.module-types"
LABEL_VERMAGIC = "io.nvidia-installer.vermagic"
