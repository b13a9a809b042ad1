import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.cache.cache import Cache
from lifecycle.cache.last_used import used
from lifecycle.config.pem import PemError
from lifecycle.pipeline.build_service import BuildRequest
from lifecycle.planning.locked_project import NotLockedError, load_locked_project
from lifecycle.planning.selector import NothingSelectedError
from lifecycle.planning.shards import Shard
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Kind, Target, base_tag
from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.projects import every_target, local_image
from tests.support.builders.signing_keys import Pair
from tests.support.checkout import ROOT
from tests.support.fakes.engine import FakeEngine


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    with io.StringIO() as text:
        yield text


def session(checkout: Path, said: io.StringIO, engine: FakeEngine) -> Session:
    made = Session(checkout, cache_dir=str(checkout.parent / "cache"), environ={})
    made.engine = engine
    made.progress = Progress(OutputConsole(file=said, width=1000))
    return made


def with_everything_made(checkout: Path, said: io.StringIO) -> Session:
    """Return a session whose cache and engine have every target of the checkout."""
    project = load_locked_project(checkout)
    targets: list[Target] = every_target(project)
    names = {c.id: references(project.component.image, c)[0] for c in project.matrix.combinations}
    images = [local_image(base_tag(t)) for t in targets if t.kind is Kind.BASE]
    images += [local_image(names[t.name], digest=t.digest) for t in targets if t.kind is Kind.IMAGE]
    made = session(checkout, said, FakeEngine(*images))
    for target in targets:
        with made.cache.making(target.kind, target.digest, {}):
            pass
    return made


@pytest.mark.parametrize(
    ("cache_dir", "environ", "root"),
    [
        ("", {"XDG_CACHE_HOME": "/var/cache/xdg"}, Path("/var/cache/xdg/nvidia-installer")),
        ("", {"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/nvidia-installer"),
        ("", {}, Path.home() / ".cache/nvidia-installer"),
        ("/somewhere", {"XDG_CACHE_HOME": "/var/cache/xdg"}, Path("/somewhere")),
        ("~/cache", {}, Path.home() / "cache"),
        ("cache", {}, Path.cwd() / "cache"),
    ],
)
def test_the_cache_is_where_one_says_or_where_caches_belong(
    cache_dir: str, environ: dict[str, str], root: Path
) -> None:
    assert Session(ROOT, cache_dir=cache_dir, environ=environ).cache.root == root


def test_a_dry_run_plans_and_touches_nothing(checkout: Path, said: io.StringIO) -> None:
    made = session(checkout, said, FakeEngine()).build_service().build(BuildRequest(dry_run=True))

    assert {action.run for action in made.plan.actions} == {True}
    assert made.outcome is None
    assert not (checkout.parent / "cache").exists()


def test_a_dry_run_refuses_a_lock_that_answers_something_else(checkout: Path, said: io.StringIO) -> None:
    packages = checkout / "dockerfiles/builder/packages"
    packages.write_text(packages.read_text() + "one-more\n")
    with pytest.raises(NotLockedError, match=r"versions\.lock does not have base BUILDER_DEBIAN_12"):
        session(checkout, said, FakeEngine()).build_service().build(BuildRequest(dry_run=True))


def test_with_everything_made_a_build_only_looks(checkout: Path, said: io.StringIO) -> None:
    here = with_everything_made(checkout, said)
    lock = (checkout / "versions.lock").read_bytes()
    made = here.build_service().build(BuildRequest(locked=True))

    assert (made.plan.idle, made.outcome, said.getvalue()) == (True, None, "")
    assert made.combinations == load_locked_project(checkout).matrix.combinations
    assert (checkout / "versions.lock").read_bytes() == lock


def test_a_rebuild_plans_to_make_all_of_what_is_there_again(checkout: Path, said: io.StringIO) -> None:
    here = with_everything_made(checkout, said)
    made = here.build_service().build(BuildRequest(only="debian-13", dry_run=True, locked=True, rebuild=True))

    assert {action.run for action in made.plan.actions} == {True}
    assert {c.release for action in made.plan.actions for c in action.combinations} == {"debian-13"}


def test_a_build_that_only_looks_notes_what_it_needs(checkout: Path, said: io.StringIO) -> None:
    here = with_everything_made(checkout, said)
    here.build_service().build(BuildRequest(only="debian-12", dry_run=True, locked=True))
    assert used(here.cache) == {}

    here.build_service().build(BuildRequest(only="debian-12", locked=True))
    kernels = load_locked_project(checkout).lock.kernels
    noted = {key: kernels[key].headers[0].sha256 in used(here.cache) for key in kernels}
    assert noted == {"debian-12/amd64": True, "debian-13/amd64": False, "debian-13-backports/amd64": False}


def test_only_what_is_selected_is_planned(checkout: Path, said: io.StringIO) -> None:
    here = session(checkout, said, FakeEngine())
    made = here.build_service().build(BuildRequest(only="debian-13/550", dry_run=True, locked=False))

    assert [combination.release for combination in made.combinations] == ["debian-13"]
    assert {c for action in made.plan.actions for c in action.combinations} == set(made.combinations)


def test_an_empty_shard_is_said_to_be_empty_and_nothing_is_made(checkout: Path, said: io.StringIO) -> None:
    here = session(checkout, said, FakeEngine())
    made = here.build_service().build(BuildRequest(shard=Shard(index=9, count=9), locked=False))

    assert (made.combinations, made.plan.actions) == ((), ())
    assert said.getvalue() == "shard 9/9 is empty: the others have all there is\n"


def test_shards_plan_the_whole_and_no_modules_twice(checkout: Path, said: io.StringIO) -> None:
    here = session(checkout, said, FakeEngine())
    whole = here.build_service().build(BuildRequest(dry_run=True))
    shards = [
        here.build_service().build(BuildRequest(shard=Shard(index=n, count=3), dry_run=True, locked=False))
        for n in (1, 2, 3)
    ]
    modules = [action.target.digest for made in shards for action in made.plan.running(Kind.MODULES)]

    assert sorted(modules) == sorted(action.target.digest for action in whole.plan.running(Kind.MODULES))
    assert {c.id for made in shards for c in made.combinations} == {c.id for c in whole.combinations}


def test_a_selector_that_means_nothing_ends_the_run_before_anything_is_made(checkout: Path, said: io.StringIO) -> None:
    with pytest.raises(NothingSelectedError):
        session(checkout, said, FakeEngine()).build_service().build(BuildRequest(only="nope", locked=True))
    assert Cache(checkout.parent / "cache").result("modules", "any") is None
    assert not (checkout.parent / "cache" / "results").exists()


def test_an_exclusion_that_excludes_nothing_is_warned_of(checkout: Path, said: io.StringIO) -> None:
    file = checkout / "component.yaml"
    file.write_text(
        file.read_text().replace(
            "  exclude:\n", '  exclude:\n    - {kernel: ">=99", reason: a kernel of the future}\n', 1
        )
    )
    session(checkout, said, FakeEngine()).build_service().build(BuildRequest(dry_run=True))

    assert said.getvalue() == (
        "WARNING: component.yaml: context.exclude[0] (a kernel of the future) excludes nothing: remove it if it is obsolete\n"
    )


def test_a_missing_key_ends_a_build_before_anything_is_fetched(checkout: Path, said: io.StringIO, ours: Pair) -> None:
    with_everything_made(checkout, said)
    with (checkout / "component.yaml").open("a") as file:
        file.write(f"\nsigning: {{certificate: {ours.certificate}, key: env:KEY}}\n")
    project = load_locked_project(checkout)
    images = [local_image(base_tag(t)) for t in every_target(project) if t.kind is Kind.BASE]
    here = session(checkout, said, FakeEngine(*images))
    with pytest.raises(PemError, match=r"signing\.key: the environment variable KEY is not set"):
        here.build_service().build(BuildRequest(locked=True))
    assert said.getvalue() == ""


def test_a_dry_run_needs_no_key(checkout: Path, said: io.StringIO, ours: Pair) -> None:
    with (checkout / "component.yaml").open("a") as file:
        file.write(f"\nsigning: {{certificate: {ours.certificate}, key: env:KEY}}\n")
    made = session(checkout, said, FakeEngine()).build_service().build(BuildRequest(dry_run=True))

    assert len(made.plan.running(Kind.SIGNED)) == len(made.plan.running(Kind.MODULES)) > 0
