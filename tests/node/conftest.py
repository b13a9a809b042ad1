"""Each image's own kernel, booted with the image's own file system, on a machine with an NVSwitch and no GPU.

`--only` chooses combinations, as in `invoke build --only`. What the guests' consoles said is below build/node.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from lifecycle.attest.predicates import BootProof
from lifecycle.cache.cache import BOOTED, Cache, default_cache_dir
from lifecycle.config.schema import ModuleType
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.rehearsal.boot import OUTCOMES, BootOutcome, BootOutcomes, BootPair, BootPlan
from tests.support.checkout import ROOT
from tests.support.combinations import bootable, compares_symbols, reason_against_boot, runnable
from tests.support.machines.guest.boot_proof import boot_proof
from tests.support.machines.guest.boots import Boots, Load
from tests.support.machines.guest.machine import Boot
from tests.support.machines.guest.machine_parts import MachineParts
from tests.support.machines.guest.rehearsal import outcome_of
from tests.support.tested_images import Record, image_ids, is_whole

_SUMMARY = pytest.StashKey[list[str]]()
_BOOTED = pytest.StashKey[dict[str, BootProof]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only", default="", help="which combinations, as in `invoke build --only`")
    parser.addoption(
        "--rehearsal", default="", help="plan of `invoke rehearse --boot`; the outcomes are written beside it"
    )


def chosen(config: pytest.Config) -> tuple[Combination, ...]:
    return runnable(config.getoption("--only"))


def booted(config: pytest.Config) -> tuple[Combination, ...]:
    return bootable(config.getoption("--only"))


def pairs(config: pytest.Config) -> tuple[BootPair, ...]:
    plan = config.getoption("--rehearsal")
    return BootPlan.model_validate_json(Path(plan).read_bytes()).pairs if plan else ()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        found = pairs(metafunc.config)
        metafunc.parametrize("pair", found, ids=[pair.name for pair in found])
    elif {"combination", "module_type"} <= {*metafunc.fixturenames}:
        cases = [(c, t) for c in chosen(metafunc.config) for t in c.module_types]
        metafunc.parametrize(("combination", "module_type"), cases, ids=[f"{c.id}-{t}" for c, t in cases])
    elif "combination" in metafunc.fixturenames:
        combinations = chosen(metafunc.config)
        metafunc.parametrize("combination", combinations, ids=[c.id for c in combinations])


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """A combination, and one of the same driver for another kernel."""

    own: Combination
    other: Combination


def two_kernels(config: pytest.Config) -> Kernels | None:
    """Return two combinations of one driver whose kernels refuse modules with a wrong CRC; None if there are none."""
    found = [combination for combination in booted(config) if compares_symbols(combination)]
    for own in reversed(found):
        for other in found:
            if other.kernel != own.kernel and other.driver == own.driver:
                return Kernels(own=own, other=other)
    return None


@pytest.fixture(scope="session")
def boots(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Boots]:
    """Start every boot that the selected tests need, the longest first, and yield the boots."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    config, folder = request.config, tmp_path_factory.mktemp("guests")
    kernels = two_kernels(config)
    found = booted(config)
    cache = Cache(default_cache_dir(os.environ))
    config.stash[_SUMMARY] += dict.fromkeys(filter(None, map(reason_against_boot, chosen(config))))
    with ThreadPoolExecutor(os.cpu_count()) as pool, closing(docker.from_env()) as engine:
        parts = MachineParts(project=load_locked_project(ROOT), cache=cache, engine=engine, folder=folder)
        boots = Boots(parts=parts, pool=pool, kept=ROOT / "build/node")
        if "installation" in wanted:
            for combination in found:
                boots.begin_installation(combination)
        if "secure_boot" in wanted and found:
            boots.begin_secure_boot(found[-1])
        for pair in pairs(config) if "rehearsal" in wanted else ():
            boots.begin_rehearsal(pair, next(c for c in found if c.id == pair.combination))
        if "refusals" in wanted and kernels:
            boots.begin_refusals(kernels.own, kernels.other)
        yield boots
    _note_boots(boots, found, config)
    _note_rehearsals(boots, config)


def _note_rehearsals(boots: Boots, config: pytest.Config) -> None:
    """Write what became of each pair beside the plan."""
    made = []
    for pair in pairs(config):
        boot = boots.begun[pair.name]
        error = boot.exception()
        problem = str(error).partition("\n")[0]
        made.append(BootOutcome(pair=pair, problem=problem) if error else outcome_of(pair, boot.result()))
    if made:
        outcomes = BootOutcomes(outcomes=tuple(made))
        Path(config.getoption("--rehearsal")).with_name(OUTCOMES).write_text(outcomes.model_dump_json())


def _note_boots(boots: Boots, combinations: Iterable[Combination], config: pytest.Config) -> None:
    ended = {name: boot.result() for name, boot in boots.begun.items() if not boot.exception()}
    config.stash[_SUMMARY] += [f"{name}: {boot.seconds}" for name, boot in ended.items()]
    for combination in combinations:
        if boot := ended.get(combination.id):
            config.stash[_BOOTED][combination.id] = boot_proof(boots.parts.project, combination, boot)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SUMMARY] = []
    config.stash[_BOOTED] = {}
    if is_whole(config, "tests/node"):
        only = config.getoption("--only")

        def evidence(combination: str, _: object) -> Mapping[str, object] | None:
            proof = config.stash[_BOOTED].get(combination)
            return proof.model_dump(mode="json", by_alias=True) if proof else None

        config.pluginmanager.register(Record(only, image_ids(only), BOOTED, evidence))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print which kernels were not booted, and how long each node took: the guest's own seconds, of emulated processors."""
    for line in config.stash[_SUMMARY]:
        terminalreporter.write_line(line)


@pytest.fixture
def installation(boots: Boots, combination: Combination) -> Boot:
    """Return the boot of a combination's kernel, in which its installer went through a node's life cycle."""
    if reason := reason_against_boot(combination):
        pytest.skip(reason)
    return boots[combination.id]


@pytest.fixture
def rehearsal(boots: Boots, pair: BootPair) -> Boot:
    """Return the boot in which a node went from an old image to a new one and back."""
    return boots[pair.name]


@pytest.fixture
def refusals(boots: Boots, pytestconfig: pytest.Config) -> Boots:
    """Return the boots of nodes that must refuse an image. Skip the test without two kernels of one driver."""
    if not two_kernels(pytestconfig):
        pytest.skip("needs two kernels of one driver")
    return boots


@pytest.fixture
def secure_boot(boots: Boots, pytestconfig: pytest.Config) -> Boot:
    """Return the boot of a node whose firmware and kernel trust one signer. Skip the test without a kernel to boot."""
    if not booted(pytestconfig):
        pytest.skip("needs a kernel image")
    return boots["Secure Boot"]


@pytest.fixture
def load(installation: Boot, combination: Combination, module_type: ModuleType) -> Load:
    return Load(installation, module_type, combination)
