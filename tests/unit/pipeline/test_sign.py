import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Result
from lifecycle.checks.signature import read_signature
from lifecycle.config.lock import LockedKernel
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.sign import ModuleSigner, SigningFailedError
from lifecycle.pipeline.signing_key import SigningKey
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Targets
from tests.support.builders.projects import kernel, local_image, lock, locked_file, project
from tests.support.builders.signing_keys import Pair, sign
from tests.support.fakes.engine import FakeContainer, FakeEngine

TYPE = ModuleType.PROPRIETARY
RELEASE = "6.12.117-amd64"
Work = Callable[[Path], None]


def signing(pair: Pair) -> LockedProject:
    """Return a project that declares signing; its kernel's sign-file is in a separate package, listed last."""
    headers = [locked_file(f"linux-headers-{RELEASE}"), locked_file("linux-kbuild-6.12")]
    one = kernel(RELEASE, "6.12.117")
    kernels = {**lock().kernels, "new-2/amd64": LockedKernel(**{**dict(one), "headers": headers})}
    recipes = {**project().recipes, "signed": {"scripts/signer/sign-modules": "1"}}
    return project(lock=lock(kernels=kernels), signer=pair.signer, recipes=recipes)


@pytest.fixture
def hands(tmp_path: Path, ours: Pair) -> ModuleSigner:
    """Return the signing step with compiled modules in its cache."""
    cache, targets = Cache(tmp_path / "cache"), Targets(signing(ours))
    combination = targets.project.matrix.combinations[3]
    for file in targets.project.lock.kernel_for(combination).headers:
        cache.part(file.sha256).write_text(file.name)
        cache.keep_blob(cache.part(file.sha256), file.sha256)
    compiled = targets.compiled(combination, TYPE)
    modules = {name: {"vermagic": f"{RELEASE} SMP", "size": 6} for name in ("nvidia.ko", "nvidia-uvm.ko")}
    with cache.making("modules", compiled.digest, {"modules": modules}) as folder:
        for name in modules:
            (folder / name).write_text(f"module {name}")
    root = tmp_path / "checkout"
    (root / "scripts/signer").mkdir(parents=True)
    (root / "scripts/signer/sign-modules").write_text("#!/bin/sh\n")
    targets.project = replace(targets.project, root=root)
    key = SigningKey(signer=ours.signer, name="Our modules", pem=ours.key.read_bytes())
    return ModuleSigner(targets=targets, cache=cache, engine=FakeEngine(), key=key)


def sign_in(engine: FakeEngine, hands: ModuleSigner) -> Result:
    combination = hands.targets.project.matrix.combinations[3]
    return replace(hands, engine=engine).sign(combination, TYPE, "the-builder")


@pytest.fixture
def builder(ours: Pair) -> FakeEngine:
    """Return an engine whose containers sign the modules that they receive."""
    engine = FakeEngine(local_image("the-builder"))
    engine.program = signing_program(lambda path: sign(path, ours))
    return engine


def signing_program(work: Work) -> Callable[[FakeContainer], None]:
    """Return a program of a container that does `work` with each module and leaves it in /out, if it still exists."""

    def run(container: FakeContainer) -> None:
        modules = [name for name in container.received if name.startswith("in/modules/") and name.endswith(".ko")]
        with tempfile.TemporaryDirectory() as folder:
            for name in modules:
                file = Path(folder) / Path(name).name
                file.write_bytes(container.received[name])
                work(file)
                if file.exists():
                    container.files[f"/out/{file.name}"] = file.read_bytes()

    return run


def test_signed_modules_are_kept_with_the_name_of_who_signed_them(
    hands: ModuleSigner, builder: FakeEngine, ours: Pair
) -> None:
    result = sign_in(builder, hands)
    combination = hands.targets.project.matrix.combinations[3]

    assert (result.kind, result.digest) == ("signed", hands.targets.modules(combination, TYPE).digest)
    assert {p.name: read_signature(p, ours.signer).state for p in result.folder.glob("*.ko")} == {
        "nvidia.ko": "valid",
        "nvidia-uvm.ko": "valid",
    }
    assert result.about["modules"] == {
        name: {
            "vermagic": f"{RELEASE} SMP",
            "size": (result.folder / name).stat().st_size,
            "signature": {"signer": "Our modules", "fingerprint": ours.signer.fingerprint, "hash": "sha256"},
        }
        for name in ("nvidia.ko", "nvidia-uvm.ko")
    }


def test_the_container_gets_modules_certificate_and_the_sign_file_package(
    hands: ModuleSigner, builder: FakeEngine, ours: Pair
) -> None:
    sign_in(builder, hands)

    (container,) = builder.containers
    assert sorted(name for name in container.received if "." in name) == [
        "in/certificate.pem",
        "in/headers/0-linux-kbuild-6.12.deb",
        f"in/headers/1-linux-headers-{RELEASE}.deb",
        "in/modules/nvidia-uvm.ko",
        "in/modules/nvidia.ko",
    ]
    assert container.entrypoint == ["/in/sign-modules", "/in", "/out", "sha256"]
    assert container.image == "the-builder"


def test_the_key_is_standard_input_and_nowhere_else(hands: ModuleSigner, builder: FakeEngine, ours: Pair) -> None:
    result = sign_in(builder, hands)
    secret = ours.key.read_bytes()
    kept = [path for path in hands.cache.root.rglob("*") if path.is_file()]

    (container,) = builder.containers
    assert container.stdin == secret
    assert container.env == {}
    assert all(secret not in content for content in container.received.values())
    assert len(kept) > len(list(result.folder.iterdir()))
    assert [path for path in kept if secret.splitlines()[1] in path.read_bytes()] == []
    assert list(hands.cache.tmp.glob("sign*")) == []


def test_a_sign_file_that_refuses_is_quoted_with_its_log_and_nothing_is_kept(
    hands: ModuleSigner, builder: FakeEngine
) -> None:
    builder.exit_code, builder.output = (
        1,
        b"signed nvidia.ko\nsign-file: /in/modules/nvidia.ko: No space left on device\n",
    )
    with pytest.raises(SigningFailedError) as caught:
        sign_in(builder, hands)

    log = hands.cache.log("signed", f"{RELEASE}/550.163.01/proprietary")
    assert str(caught.value) == (
        f"the modules of {RELEASE}/550.163.01/proprietary are not signed\n"
        "  signed nvidia.ko\n"
        "  sign-file: /in/modules/nvidia.ko: No space left on device\n"
        f"  the whole log: {log}"
    )
    assert not (hands.cache.root / "results/signed").exists()


def nothing(_: Path) -> None:
    pass


def vanish(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (nothing, "nvidia-uvm.ko: it has no signature"),
        (vanish, "nvidia-uvm.ko was not signed"),
    ],
)
def test_what_comes_back_unsigned_does_not_count(
    hands: ModuleSigner, builder: FakeEngine, work: Work, said: str
) -> None:
    builder.program = signing_program(work)
    with pytest.raises(SigningFailedError, match=said):
        sign_in(builder, hands)
    assert not (hands.cache.root / "results/signed").exists()


def test_what_somebody_else_has_signed_does_not_count(hands: ModuleSigner, builder: FakeEngine, theirs: Pair) -> None:
    builder.program = signing_program(lambda path: sign(path, theirs))
    with pytest.raises(SigningFailedError, match=r"nvidia-uvm\.ko: signer certificate not found"):
        sign_in(builder, hands)


def test_a_signature_of_another_module_does_not_count(hands: ModuleSigner, builder: FakeEngine, ours: Pair) -> None:
    def other(path: Path) -> None:
        path.write_text("another module")
        sign(path, ours)

    builder.program = signing_program(other)
    with pytest.raises(SigningFailedError, match=r"nvidia-uvm\.ko: the signature is of another module"):
        sign_in(builder, hands)


def test_the_error_for_uncompiled_modules_names_the_command_to_run(hands: ModuleSigner, builder: FakeEngine) -> None:
    combination = hands.targets.project.matrix.combinations[0]
    with pytest.raises(InstallerError, match=r"the modules of .*/535\.309\.01/proprietary are not compiled"):
        replace(hands, engine=builder).sign(combination, TYPE, "the-builder")


def test_a_result_of_signing_can_be_read_again(hands: ModuleSigner, builder: FakeEngine) -> None:
    result = sign_in(builder, hands)

    assert json.loads((result.folder / "result.json").read_text()) == result.about
