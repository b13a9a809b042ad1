"""Results that the steps pass on: a new one is saved, and the compiled modules are found."""

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Result
from lifecycle.errors import InstallerError
from lifecycle.planning.targets import Target


def keep(cache: Cache, target: Target) -> Result:
    """Save the inputs of a target's new result as the latest of its name. Return the result; raises InstallerError without one."""
    cache.remember(target.kind, target.name, target.inputs)
    result = cache.result(target.kind, target.digest)
    if result is None:
        raise InstallerError(
            f"the result of {target.name} vanished from the cache while it was made", resolution="Run the build again."
        )
    return result


def compiled_modules(cache: Cache, target: Target) -> Result:
    """Return the modules of a target. Raises InstallerError if they are not compiled."""
    result = cache.result(target.kind, target.digest)
    if result is None:
        raise InstallerError(f"the modules of {target.name} are not compiled", resolution="Run `invoke compile`.")
    return result
