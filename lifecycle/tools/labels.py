"""The labels of images (OCI image specification, "Annotations": keys in reverse domain notation)."""

LABEL_DIGEST = "io.nvidia-installer.digest"
# The `name` of component.yaml: `invoke prune` only removes images of its own component.
LABEL_COMPONENT = "io.nvidia-installer.component"
LABEL_COMBINATION = "io.nvidia-installer.combination"
LABEL_KERNEL = "io.nvidia-installer.kernel-release"
LABEL_DRIVER = "io.nvidia-installer.driver-version"
LABEL_OS = "io.nvidia-installer.os-release"
LABEL_MODULE_TYPES = "io.nvidia-installer.module-types"
LABEL_VERMAGIC = "io.nvidia-installer.vermagic"
