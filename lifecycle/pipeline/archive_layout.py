"""The layout of the user-space archive: where each file of a driver goes, by the format that it came in. Pure.

scripts/node puts `bin/` on PATH and `lib/` into ld.so.conf; `lib/firmware` is the kernel's search path. The first rule that
matches a path applies. Files that match no rule are left out: graphics, 32-bit libraries, installers.
"""

import re
from collections.abc import Sequence

from lifecycle.tools.file_format import FileFormat

Rules = Sequence[tuple[re.Pattern[str], str]]

_DEB: Rules = (
    (re.compile(r"(?:usr/)?lib/firmware/(.+)"), r"lib/firmware/\1"),
    (re.compile(r"(?:usr/)?lib/(?:.+/)?(lib[^/]+\.so(?:\.[^/]+)?)"), r"lib/\1"),
    (re.compile(r"(?:usr/)?s?bin/([^/]+)"), r"bin/\1"),
    (re.compile(r"usr/lib/nvidia/current/(nvidia-smi)"), r"bin/\1"),
    (re.compile(r"etc/OpenCL/vendors/([^/]+)"), r"etc/OpenCL/vendors/\1"),
    (re.compile(r"usr/share/doc/([^/]+)/copyright"), r"share/doc/\1/copyright"),
    (re.compile(r"usr/share/doc/nvidia-driver/(supported-gpus\.json(?:\.gz)?)"), r"share/nvidia/\1"),
    (re.compile(r"usr/share/nvidia/(nvswitch|nvlsm)/([^/]+)"), r"share/nvidia/\1/\2"),
    (re.compile(r"opt/nvidia/nvlsm/s?bin/(nvlsm)"), r"bin/\1"),
    (re.compile(r"opt/nvidia/nvlsm/lib/(lib[^/]+\.so(?:\.[^/]+)?)"), r"lib/\1"),
)

# Libraries for CUDA, NVML, video and OpenCL without a screen. Source: NVIDIA's README, chapter "Installed Components".
_LIBRARIES = "|".join(
    [
        "cuda",
        "cudadebugger",
        "nvcuvid",
        "nvidia-(?:cfg|encode|gpucomp|ml|nvvm|nvvm70|opencl|opticalflow|pkcs11-openssl3|ptxjitcompiler|sandboxutils|tileiras)",
    ]
)
_PROGRAMS = "nvidia-(?:smi|modprobe|persistenced|cuda-mps-control|cuda-mps-server)"
_RUNFILE: Rules = (
    (re.compile(r"firmware/([^/]+\.bin)"), r"lib/firmware/nvidia/{version}/\1"),
    (re.compile(rf"(lib(?:{_LIBRARIES})\.so(?:\.[^/]+)?)"), r"lib/\1"),
    (re.compile(rf"({_PROGRAMS})"), r"bin/\1"),
    (re.compile(r"(nvidia\.icd)"), r"etc/OpenCL/vendors/\1"),
    (re.compile(r"supported-gpus/(supported-gpus\.json)"), r"share/nvidia/\1"),
    (re.compile(r"(LICENSE)"), r"share/doc/nvidia-driver/\1"),
)

# The archive of the driver has the files of the .run file, sorted into folders. In that of fabric manager, scripts/node expects
# the configuration beside the NVSwitch topology files.
_DRIVER = r"nvidia_driver-[^/]+/"
_OTHER = r"(?!nvidia_driver-)[^/]+"
_REDISTRIBUTABLE: Rules = (
    (re.compile(rf"{_DRIVER}(?:[^/]+/)*firmware/(?:[^/]+/)*([^/]+\.bin)"), r"lib/firmware/nvidia/{version}/\1"),
    (re.compile(rf"{_DRIVER}lib/(lib(?:{_LIBRARIES})\.so(?:\.[^/]+)?)"), r"lib/\1"),
    (re.compile(rf"{_DRIVER}s?bin/({_PROGRAMS})"), r"bin/\1"),
    (re.compile(rf"{_DRIVER}(?:[^/]+/)*(nvidia\.icd)"), r"etc/OpenCL/vendors/\1"),
    (re.compile(rf"{_DRIVER}(?:[^/]+/)*supported-gpus/(supported-gpus\.json)"), r"share/nvidia/\1"),
    (re.compile(rf"{_DRIVER}(LICENSE)(?:\.txt)?"), r"share/doc/nvidia-driver/\1"),
    (re.compile(rf"{_OTHER}/bin/([^/]+)"), r"bin/\1"),
    (re.compile(rf"{_OTHER}/lib/(lib[^/]+\.so(?:\.[^/]+)?)"), r"lib/\1"),
    (re.compile(rf"{_OTHER}/(?:etc|share/nvidia/nvswitch)/([^/]+)"), r"share/nvidia/nvswitch/\1"),
    (re.compile(rf"({_OTHER})/(LICENSE[^/]*)"), r"share/doc/\1/\2"),
)

_RULES = {FileFormat.DEB: _DEB, FileFormat.RUNFILE: _RUNFILE, FileFormat.REDISTRIBUTABLE: _REDISTRIBUTABLE}


def archive_path(path: str, file_format: FileFormat, *, version: str) -> str | None:
    """Return the path of a driver's file in the archive, such as `bin/nvidia-smi`. None if the file is left out.

    `version` is the driver's.
    """
    for pattern, replacement in _RULES[file_format]:
        match = pattern.fullmatch(path)
        if match:
            return match.expand(replacement).replace("{version}", version)
    return None
