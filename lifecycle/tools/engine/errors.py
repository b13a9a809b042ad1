"""The errors of a container engine, and their solutions."""

from lifecycle.errors import InstallerError


class EngineUnreachableError(InstallerError):
    """An engine that does not respond, or refuses the connection."""

    doctor_checks = "the engine"

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"no container engine answers at {address}",
            details=f"  {why}",
            resolution="Run scripts/setup, which starts one, or name a running one that you may use: --engine, DOCKER_HOST.",
        )


class EngineRefusedError(InstallerError):
    """A request that the engine answered with an error."""

    def __init__(self, what: str, why: str) -> None:
        hints = {
            "no space left": "Free some space where the engine keeps its data (`docker system df`).",
            "manifest unknown": "Name an image that exists: in image_versions, or in component.yaml as `builder` of a source.",
            "denied": "Log in to the registry (`docker login`), or name another image in image_versions.",
        }
        hint = next((hint for words, hint in hints.items() if words in why), "")
        super().__init__(f"the container engine could not {what}", details=f"  {why.strip()}", resolution=hint)


class StoppedError(InstallerError):
    """A container that was requested after the end of the run began."""

    def __init__(self) -> None:
        super().__init__("not started, because the run is ending")


class ImageBuildError(InstallerError):
    """A Dockerfile that failed to build."""

    def __init__(self, tag: str, log: str, last: str) -> None:
        super().__init__(f"the image {tag} does not build", details=last, resolution=f"The whole log: {log}")
