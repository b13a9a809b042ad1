"""The module type that drives the GPUs of a kind of node, or why none does. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifecycle.planning.matrix import Combination
from lifecycle.rehearsal.gpu_table import GpuNeed, GpuTable
from lifecycle.rehearsal.node_groups import Gpus


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The module type that a node installs, "" if none fits or the GPUs are unknown.

    `misfits` are sentences about GPUs that no module type of the image drives, `doubts` about what is not known.
    """

    module_type: str = ""
    misfits: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def find_fit(gpus: Gpus, combination: Combination, table: GpuTable, listed: Mapping[str, str]) -> Fit:
    """Return the fit of an image. `listed` is the driver's own list of GPUs, empty if the image has none."""
    if gpus.ids:
        return _fit_of_ids({f"10de:{device}": table.need(device, listed) for device in gpus.ids}, combination, table)
    needs = table.needs_of_family(gpus.family)
    if not needs:
        return Fit(doubts=("no label tells which GPUs the nodes have",))
    types = _types(combination, table)
    chosen = [t for t in types if all(t in need.module_types(combination.driver) for need in needs)]
    if chosen:
        return Fit(module_type=chosen[0])
    misfits = [need for need in needs if not need.module_types(combination.driver) & {*types}]
    texts = tuple(f"{gpus.family} GPUs ({need.generation}) need {need}" for need in misfits)
    if len(misfits) == len(needs):
        return Fit(misfits=texts)
    return Fit(
        doubts=texts or (f"the module type depends on the device ids of the {gpus.family} GPUs, which no label has",)
    )


def _fit_of_ids(needs: Mapping[str, GpuNeed], combination: Combination, table: GpuTable) -> Fit:
    driver, types = combination.driver, _types(combination, table)
    unknown = tuple(
        f"{gpu} is unknown to this project, and taken for a newer GPU, which needs open modules"
        for gpu, need in needs.items()
        if not need.generation
    )
    chosen = [t for t in types if all(t in need.module_types(driver) for need in needs.values())]
    if chosen:
        return Fit(module_type=chosen[0], doubts=unknown)
    misfits = [gpu for gpu, need in needs.items() if not need.module_types(driver) & {*types}]
    # As on the node: if each GPU has a type and no type has all GPUs, those that have one type only are named.
    misfits = misfits or [gpu for gpu, need in needs.items() if len(need.module_types(driver)) == 1]
    return Fit(misfits=tuple(_sentence(gpu, needs[gpu]) for gpu in misfits), doubts=unknown)


def _sentence(gpu: str, need: GpuNeed) -> str:
    return f"{gpu}{f' ({need.generation})' if need.generation else ''} needs {need}"


def _types(combination: Combination, table: GpuTable) -> Sequence[str]:
    """Return the module types of an image, the preferred one first."""
    preferred = table.preferred_types(combination.driver, combination.architecture)
    return [str(module_type) for module_type in preferred if module_type in combination.module_types]
