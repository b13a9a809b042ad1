"""What goes wrong with a container engine, and what to do about it."""

from lifecycle.errors import InstallerError


class EngineUnreachableError(InstallerError):
    """No engine answers, or it refuses us."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"no container engine answers at {address}",
            details=f"  {why}",
            resolution="Run scripts/setup, which starts one, or name one that runs and that you may use: --engine, DOCKER_HOST.",
        )


class EngineRefusedError(InstallerError):
    """The engine answered a request with an error."""

    def __init__(self, what: str, why: str) -> None:
        hints = {
            "no space left": "Free some space where the engine keeps its data (`docker system df`).",
            "manifest unknown": "Name an image that exists in image_versions.",
            "denied": "Log in to the registry (`docker login`), or name another image in image_versions.",
        }
        hint = next((hint for words, hint in hints.items() if words in why), "")
        super().__init__(f"the container engine could not {what}", details=f"  {why.strip()}", resolution=hint)


class StoppedError(InstallerError):
    """A container that was asked for while the run was being ended."""

    def __init__(self) -> None:
        super().__init__("not started, because the run is being ended")


class ImageBuildError(InstallerError):
    """A Dockerfile that does not build."""

    def __init__(self, tag: str, log: str, last: str) -> None:
        super().__init__(f"the image {tag} does not build", details=last, resolution=f"The whole log: {log}")
