"""sign: sign modules with the kernel's own sign-file, in a builder container without network.

The private key goes to the container's standard input and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Result
from lifecycle.checks.signature import read_signature, split_signature
from lifecycle.config.schema import ModuleType
from lifecycle.config.security import Signer
from lifecycle.errors import InstallerError
from lifecycle.pipeline.signing_key import SigningKey
from lifecycle.pipeline.step_results import compiled_modules, keep
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Target, Targets
from lifecycle.tools.archive import extract_safely
from lifecycle.tools.engine.engine import Engine

_SCRIPT = "in/sign-modules"
_SHOWN = 8


class SigningFailedError(InstallerError):
    """Modules that could not be signed, or whose signature is wrong."""

    def __init__(self, name: str, details: str, log: Path) -> None:
        super().__init__(f"the modules of {name} are not signed", details=f"{details}\n  the whole log: {log}")


# ----- pure


def input_files(
    combination: Combination, targets: Targets, cache: Cache, signer: Signer, modules: Path
) -> dict[str, bytes | Path]:
    """Return the files for the container, below /in. The package with sign-file (in Debian, linux-kbuild) comes first."""
    headers = sorted(targets.project.lock.kernel_for(combination).headers, key=lambda file: "kbuild" not in file.name)
    return {
        _SCRIPT: targets.project.root / "scripts/signer/sign-modules",
        "in/certificate.pem": signer.certificate.encode(),
        **{f"in/headers/{index}-{file.name}.deb": cache.blob(file.sha256) for index, file in enumerate(headers)},
        **{f"in/modules/{path.name}": path for path in sorted(modules.glob("*.ko"))},
    }


# ----- effects


@dataclass(frozen=True, kw_only=True)
class ModuleSigner:
    """The signer of modules. `key` is kept in memory only."""

    targets: Targets
    cache: Cache
    engine: Engine
    key: SigningKey

    def sign(self, combination: Combination, module_type: ModuleType, builder: str) -> Result:
        """Sign the compiled modules of one type in a container of the builder image (a tag), and return the result.

        Every signature is checked, and each signed module is compared with the compiled one. Raises SigningFailedError.
        """
        compiled = self.targets.compiled(combination, module_type)
        target = self.targets.modules(combination, module_type)
        made = compiled_modules(self.cache, compiled)
        log = self.cache.log(target.kind, target.name)
        with self.cache.scratch("sign") as folder:
            files = input_files(combination, self.targets, self.cache, self.key.signer, made.folder)
            code = self._run(files, builder, folder, log)
            if code:
                said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN:]
                raise SigningFailedError(target.name, "\n".join(f"  {line}" for line in said), log)
            wrong = self._wrong(made.folder, folder / "out")
            if wrong:
                raise SigningFailedError(target.name, f"  {wrong}", log)
            return self._keep(target, made, folder / "out")

    def _run(self, files: Mapping[str, bytes | Path], builder: str, folder: Path, log: Path) -> int:
        command = [f"/{_SCRIPT}", "/in", "/out", self.key.signer.hash]
        with self.engine.container(builder, env={}, entrypoint=command, stdin=True) as container:
            container.put(files, executables=[_SCRIPT], scratch=folder)
            code = container.run(log, stdin=self.key.pem)
            if code == 0:
                with container.get("/out") as result:
                    extract_safely(result, folder, archive="the signer's output")
        return code

    def _wrong(self, before: Path, after: Path) -> str:
        for path in sorted(before.glob("*.ko")):
            signed = after / path.name
            if not signed.exists():
                return f"{path.name} was not signed"
            problem = read_signature(signed, self.key.signer).problem
            if problem:
                return f"{path.name}: {problem}"
            if split_signature(signed.read_bytes())[0] != path.read_bytes():
                return f"{path.name}: the signature is of another module"
        return ""

    def _keep(self, target: Target, made: Result, signed: Path) -> Result:
        signer = self.key.signer
        signature = {"signer": self.key.name, "fingerprint": signer.fingerprint, "hash": signer.hash}
        modules: dict[str, Mapping[str, object]] = {}
        about: dict[str, object] = {
            "name": target.name,
            "inputs": target.inputs,
            "modules": modules,
            "patches": made.patches,
        }
        compiled = made.modules
        with self.cache.making(target.kind, target.digest, about) as folder:
            for path in sorted(signed.glob("*.ko")):
                before = compiled.get(path.name, {})
                modules[path.name] = {**before, "size": path.stat().st_size, "signature": signature}
                path.rename(folder / path.name)
        return keep(self.cache, target)
