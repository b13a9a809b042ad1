"""A planner's state in memory."""

from collections.abc import Iterable, Mapping, Sequence

from lifecycle.planning.targets import Kind, Target


class FakeBuildState:
    """A planner's state: what has been made, in memory."""

    def __init__(self, made: Iterable[Target] = (), shared: Iterable[Target] = ()) -> None:
        self.there: set[str] = set()
        self.elsewhere = {target.digest for target in shared}
        self.asked: list[list[Target]] = []
        self.latest: dict[tuple[Kind, str], Mapping[str, object]] = {}
        for target in made:
            self.there.add(target.digest)
            self.latest[target.kind, target.name] = target.inputs

    def has(self, target: Target) -> bool:
        return target.digest in self.there

    def shared(self, targets: Sequence[Target]) -> set[str]:
        self.asked.append(list(targets))
        return {target.digest for target in targets} & self.elsewhere

    def latest_inputs(self, target: Target) -> Mapping[str, object] | None:
        return self.latest.get((target.kind, target.name))
