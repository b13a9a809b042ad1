"""The verdict about each group of nodes, with reasons and remedies. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lifecycle.advisories.assess import Finding
from lifecycle.planning.matrix import Combination
from lifecycle.rehearsal.fit import Fit, find_fit
from lifecycle.rehearsal.gpu_table import GpuTable
from lifecycle.rehearsal.node_groups import NodeKind
from lifecycle.rehearsal.target import Target, UpgradePath


class Verdict(StrEnum):
    """The verdict about a group, the best first."""

    READY = "ready"
    WARNING = "warning"
    BLOCKED = "blocked"


_ORDER = list(Verdict)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of some verdicts; READY for none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.READY)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason for a verdict, and what to do."""

    verdict: Verdict
    text: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class ImageState:
    """The state of a combination's image. `inputs` is the digest of its inputs.

    `built` and `pushed` are None if the engine or the registry was not asked or did not answer. `digest` is that in the registry,
    "" without one. `problems` are those of its signature and statements, None if they were not verified.
    """

    inputs: str
    built: bool | None = None
    pushed: bool | None = None
    digest: str = ""
    problems: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The facts that verdicts are made of: images by combination, GPUs by the driver's own list, and findings of bulletins.

    `findings` is None without bulletins. `lists` has the lists by combination.
    """

    table: GpuTable
    images: Mapping[Combination, ImageState]
    lists: Mapping[Combination, Mapping[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class GroupVerdict:
    """The verdict about a group of nodes.

    `booted` has the drivers that a booted kernel reported in turn, None without a boot; `boot_failed` tells that one was wrong.
    """

    nodes: tuple[str, ...]
    kind: NodeKind
    target: Target
    fit: Fit
    image: ImageState | None
    reasons: tuple[Reason, ...]
    booted: tuple[str, ...] | None = None
    boot_failed: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the reasons."""
        return worst([reason.verdict for reason in self.reasons])


def assess_group(kind: NodeKind, nodes: Sequence[str], target: Target, evidence: Evidence) -> GroupVerdict:
    """Return the verdict about a group."""
    combination = target.combination
    fit, image = Fit(), None
    reasons = list(_target_reasons(kind, target))
    if combination:
        fit = find_fit(kind.gpus, combination, evidence.table, evidence.lists.get(combination, {}))
        image = evidence.images[combination]
        reasons += [*_image_reasons(combination, image), *_fit_reasons(target, fit)]
    reasons += _finding_reasons(target, evidence.findings or ())
    ordered = sorted(reasons, key=lambda reason: -_ORDER.index(reason.verdict))
    return GroupVerdict(nodes=tuple(nodes), kind=kind, target=target, fit=fit, image=image, reasons=tuple(ordered))


def _target_reasons(kind: NodeKind, target: Target) -> Iterator[Reason]:
    if not target.declared:
        text = f"component.yaml has no driver {target.driver}"
        remedy = f"run `invoke add-driver {target.driver}`, or give the nodes another label"
        yield Reason(verdict=Verdict.BLOCKED, text=text, remedy=remedy)
    elif target.excluded:
        text = f"driver {target.driver} is excluded for {kind.node.kernel}: {'; '.join(target.excluded)}"
        remedy = "choose another driver or kernel for these nodes"
        yield Reason(verdict=Verdict.BLOCKED, text=text, remedy=remedy)
    elif target.combination is None:
        text = f"no release of component.yaml has the kernel {kind.node.kernel}: the image {target.tag} is MISSING"
        remedy = "add the release with `invoke add-release`, or upgrade the nodes' OS"
        yield Reason(verdict=Verdict.BLOCKED, text=text, remedy=remedy)
    if target.path is UpgradePath.DOWNGRADE:
        text = f"a downgrade: the nodes have {kind.driver}, which is newer than {target.driver}"
        yield Reason(verdict=Verdict.WARNING, text=text, remedy="declare the newer driver, or accept the older one")


def _image_reasons(combination: Combination, image: ImageState) -> Iterator[Reason]:
    if image.problems:
        text = f"the image is not verified: {'; '.join(image.problems)}"
        yield Reason(verdict=Verdict.BLOCKED, text=text, remedy="run `invoke push` where the key is")
    if image.pushed:
        return
    if image.built:
        if image.pushed is False:
            remedy = f"run `nox -s test_images -- --only {combination.id}`, then `invoke push`"
            yield Reason(verdict=Verdict.WARNING, text="the image is built and not pushed", remedy=remedy)
        return
    remedy = f"run `invoke build --only {combination.id}`, then `invoke push`"
    if image.pushed is None:
        text = "the image is not built here, and the registry was not asked or does not answer"
        yield Reason(verdict=Verdict.WARNING, text=text, remedy=remedy)
    else:
        where = "neither built nor pushed" if image.built is False else "not in the registry"
        yield Reason(verdict=Verdict.BLOCKED, text=f"the image is {where}", remedy=remedy)


def _fit_reasons(target: Target, fit: Fit) -> Iterator[Reason]:
    if fit.misfits:
        text = f"driver {target.driver} cannot drive the GPUs: {'; '.join(fit.misfits)}"
        yield Reason(verdict=Verdict.BLOCKED, text=text, remedy="choose another driver for these nodes")
    for doubt in fit.doubts:
        remedy = "read in docs/how-to/rehearse.md which labels tell"
        yield Reason(verdict=Verdict.WARNING, text=doubt, remedy=remedy)


def _finding_reasons(target: Target, findings: Sequence[Finding]) -> Iterator[Reason]:
    for finding in findings:
        if finding.driver == target.driver:
            fixed = (
                f"take {finding.fixed_in} or newer" if finding.fixed_in else "take another branch: no version is fixed"
            )
            count = f"{len(finding.cves)} CVE{'' if len(finding.cves) == 1 else 's'}, {finding.severity}"
            text = f"driver {target.driver} has known holes: bulletin {finding.bulletin}, {count}"
            yield Reason(verdict=Verdict.WARNING, text=text, remedy=fixed)
