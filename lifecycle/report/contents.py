"""The contents of each combination, and their proofs: layers, modules, boots, tests and statements."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from lifecycle.app.session import Session
from lifecycle.attest.predicates import BootProof, TestsPassed
from lifecycle.attest.statements import TITLES
from lifecycle.attest.storage import SignatureStore
from lifecycle.cache.cache import BOOTED, TESTED
from lifecycle.cache.evidence import read_evidence
from lifecycle.cache.patch_states import PatchUse, patch_uses
from lifecycle.checks.fit import ModuleReport
from lifecycle.commands.verify import Proof
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.publish.published import PublishedImage, open_registry
from lifecycle.report.boot_log import BootLog, read_boot_log
from lifecycle.report.inputs import InputLink, links_of
from lifecycle.tools.engine.engine import ImageLayer, LocalImage

_MOST_REQUESTS = 8
_Model = TypeVar("_Model", BootProof, TestsPassed)


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """A kernel module; `size` is in bytes. `symbols` is the proof's result (`290 of 290`), "" without a proof."""

    module_type: str
    name: str
    vermagic: str
    size: int
    symbols: str = ""
    siblings: int = 0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The records of an image's tests; None for one that does not exist, or that an older version wrote in another form."""

    tests: TestsPassed | None = None
    boot: BootProof | None = None
    log: BootLog | None = None


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A combination's parts. `image` and `published` are None if the engine, or the registry, has no image of it.

    `problems` are those that a proof of the symbols found; `proven` is false if there was none. `statements` are the titles of
    what the registry has, unverified; None if it was not asked.
    """

    combination: Combination
    inputs_digest: str
    inputs: tuple[InputLink, ...]
    patches: tuple[PatchUse, ...]
    modules: tuple[ModuleFile, ...]
    proven: bool
    problems: tuple[str, ...]
    image: LocalImage | None
    layers: tuple[ImageLayer, ...]
    published: PublishedImage | None
    evidence: Evidence
    statements: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The sources of the contents: the engine's images by the digest of their inputs, the registry's, and proofs of symbols."""

    images: Mapping[str, LocalImage]
    published: Mapping[Combination, PublishedImage | None]
    proofs: Sequence[Proof]


def read_contents(session: Session, combinations: Sequence[Combination], sources: Sources) -> list[Contents]:
    """Return the contents of combinations. Raises what the engine and the registry raise."""
    targets = Targets(session.locked_project)
    images = {c: sources.images.get(targets.image(c).digest) for c in combinations}
    proofs: dict[str, list[Proof]] = {}
    for proof in sources.proofs:
        proofs.setdefault(proof.combination, []).append(proof)
    statements = _statements(session, sources.published)
    with ThreadPoolExecutor(_MOST_REQUESTS) as pool:
        layers = list(pool.map(lambda image: session.engine.layers(image.id) if image else [], images.values()))
    return [
        _contents(session, targets, c, images[c], below, sources, proofs.get(c.id, []), statements)
        for c, below in zip(combinations, layers, strict=True)
    ]


def _contents(
    session: Session,
    targets: Targets,
    c: Combination,
    image: LocalImage | None,
    layers: Sequence[ImageLayer],
    sources: Sources,
    proofs: Sequence[Proof],
    statements: Mapping[Combination, tuple[str, ...]],
) -> Contents:
    proven = [proof for proof in proofs if proof.source]
    return Contents(
        combination=c,
        inputs_digest=targets.image(c).digest,
        inputs=links_of(session.locked_project, c),
        patches=tuple(patch_uses(c, targets, session.cache)),
        modules=_proven(proven) if proven else _recorded(session, targets, c),
        proven=bool(proven),
        problems=tuple(line for proof in proven for line in proof.problems),
        image=image,
        layers=tuple(layers),
        published=sources.published.get(c),
        evidence=_evidence(session, c, image),
        statements=statements.get(c),
    )


def _proven(proofs: Sequence[Proof]) -> tuple[ModuleFile, ...]:
    return tuple(_proven_module(proof.module_type, report) for proof in proofs for report in proof.modules)


def _proven_module(module_type: str, report: ModuleReport) -> ModuleFile:
    return ModuleFile(
        module_type=module_type,
        name=report.module.path.name,
        vermagic=report.module.vermagic,
        size=report.module.size,
        symbols=f"{report.matching} of {report.kernel_symbols}",
        siblings=report.sibling_symbols,
    )


def _recorded(session: Session, targets: Targets, c: Combination) -> tuple[ModuleFile, ...]:
    """Return the modules as the cache describes them; nothing where it has none."""
    found = []
    for module_type in c.module_types:
        target = targets.archive(c, module_type)
        result = session.cache.result(target.kind, target.digest)
        described: Any = result.about.get("modules") if result else None
        for name, about in described.items() if isinstance(described, dict) else ():
            vermagic, size = str(about.get("vermagic", "")), int(about.get("size", 0))
            found.append(ModuleFile(module_type=str(module_type), name=name, vermagic=vermagic, size=size))
    return tuple(found)


def _evidence(session: Session, c: Combination, image: LocalImage | None) -> Evidence:
    if image is None:
        return Evidence()
    tests, boot = (read_evidence(session.cache, section, image.id) for section in (TESTED, BOOTED))
    proof = _read(BootProof, boot)
    return Evidence(
        tests=_read(TestsPassed, tests),
        boot=proof,
        log=read_boot_log(session.root, c.id, proof.console_sha256) if proof else None,
    )


def _read(model: type[_Model], recorded: Mapping[str, Any] | None) -> _Model | None:
    try:
        return model.model_validate(recorded) if recorded else None
    except ValidationError:
        return None


def _statements(
    session: Session, published: Mapping[Combination, PublishedImage | None]
) -> dict[Combination, tuple[str, ...]]:
    """Return the titles of the statements that the registry has of published images; nothing without `attest`."""
    there = {c: image for c, image in published.items() if image}
    image = session.project.component.image
    if session.project.component.attest is None or not there:
        return {}
    with closing(open_registry(image, session.environ)) as registry, ThreadPoolExecutor(_MOST_REQUESTS) as pool:
        store = SignatureStore(registry=registry, repository=image.repository)
        listed = list(pool.map(lambda one: store.predicate_types(one.digest), there.values()))
    return {c: tuple(TITLES.get(kind, kind) for kind in kinds) for c, kinds in zip(there, listed, strict=True)}
