"""UEFI firmware for a guest, with Secure Boot in force and one certificate that it trusts.

Debian's kernels take what the firmware's `db` trusts for modules too (their patch "KEYS: Make use of platform keyring for
module signature verify"), and with Secure Boot they lock themselves down.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Where Debian's package ovmf has them.
_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
# Who enrols; any GUID will do (UEFI specification 2.10, section 32.4.1, SignatureOwner).
_OWNER = "5c4b1d9e-3f1f-4d3e-8f0e-1c6a2b7d9e10"


@dataclass(frozen=True)
class SecureBoot:
    """Firmware whose platform key, key exchange key and db are all one certificate, a PEM file."""

    certificate: Path

    def options(self, folder: Path) -> list[str]:
        """QEMU's options; the firmware's variables are kept below the folder."""
        variables = folder / "variables.fd"
        shutil.copyfile(_VARIABLES, variables)
        keys = [
            part for name in ("set-pk", "add-kek", "add-db") for part in (f"--{name}", _OWNER, str(self.certificate))
        ]
        program = str(Path(sys.executable).with_name("virt-fw-vars"))
        command = [program, "--input", str(variables), "--output", str(variables), *keys, "--secure-boot"]
        subprocess.run(command, check=True, capture_output=True)
        flash = [
            f"if=pflash,format=raw,unit=0,readonly=on,file={_CODE}",
            f"if=pflash,format=raw,unit=1,file={variables}",
        ]
        secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"]
        return [*secure, *(part for drive in flash for part in ("-drive", drive))]
