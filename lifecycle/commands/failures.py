"""All that failed in a run, said once, at its end."""

from lifecycle.errors import InstallerError
from lifecycle.pipeline.build_service import BuildResult
from lifecycle.tools.graph import NeedFailedError


class BuildFailedError(InstallerError):
    """Some targets were not made: each with its own error, then what was not tried because of them."""

    def __init__(self, failed: list[InstallerError], untried: list[str], made: int) -> None:
        head = f"{len(failed)} failed, {len(untried)} not tried for that, {made} made"
        rest = [f"not tried: {', '.join(untried)}"] if untried else []
        super().__init__(head, details="\n\n".join(["", *(str(error) for error in failed), *rest]))


def raise_failures(made: BuildResult) -> None:
    """Raise BuildFailedError if anything of a run failed."""
    if made.outcome is None or not made.outcome.errors:
        return
    errors = made.outcome.errors
    own = {id(error): error for error in errors.values() if not isinstance(error, NeedFailedError)}
    names = {action.target.digest: f"{action.target.kind} {action.target.name}" for action in made.plan.actions}
    untried = [names[digest] for digest, error in errors.items() if isinstance(error, NeedFailedError)]
    ran = sum(action.run for action in made.plan.actions)
    raise BuildFailedError(list(own.values()), untried, ran - len(errors))
