import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, cast

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.result_files import Result
from lifecycle.checks.signature import read_signature
from lifecycle.config.lock import LockedKernel
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.sign import ModuleSigner, SigningFailedError
from lifecycle.pipeline.signing_key import SigningKey
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.engine import Engine
from tests.support.builders.projects import kernel, lock, locked_file, project
from tests.support.builders.signing_keys import Pair, sign

TYPE = ModuleType.PROPRIETARY
RELEASE = "6.12.117-amd64"
Work = Callable[[Path], None]


def signing(pair: Pair) -> LockedProject:
    """A project that declares signing, whose kernel has its sign-file in a package of its own, listed last."""
    headers = [locked_file(f"linux-headers-{RELEASE}"), locked_file("linux-kbuild-6.12")]
    one = kernel(RELEASE, "6.12.117")
    kernels = {**lock().kernels, "new-2/amd64": LockedKernel(**{**dict(one), "headers": headers})}
    recipes = {**project().recipes, "signed": {"scripts/signer/sign-modules": "1"}}
    return project(lock=lock(kernels=kernels), signer=pair.signer, recipes=recipes)


@dataclass
class Builder:
    """A builder container that signs with `work` what it is given; and what it was given."""

    folder: Path
    work: Work
    code: int = 0
    prints: bytes = b""
    given: dict[str, bytes] = field(default_factory=dict)
    made: Mapping[str, object] = field(default_factory=dict)
    stdin: bytes = b""

    @contextmanager
    def container(
        self, image: str, *, env: Mapping[str, str], entrypoint: list[str], stdin: bool
    ) -> Iterator["Builder"]:
        self.made = {"image": image, "env": dict(env), "entrypoint": entrypoint, "stdin": stdin}
        yield self

    def put(self, files: Mapping[str, bytes | Path], *, folders: Iterable[str] = (), **_: object) -> None:
        self.given.update(
            (n, content if isinstance(content, bytes) else content.read_bytes()) for n, content in files.items()
        )
        self.given.update((folder, b"folder") for folder in folders)

    def run(self, log: Path, *, stdin: bytes) -> int:
        self.stdin = stdin
        log.write_bytes(self.prints)
        return self.code

    @contextmanager
    def get(self, path: str) -> Iterator[IO[bytes]]:
        assert path == "/out"
        out = {}
        for name, content in self.given.items():
            if name.startswith("in/modules/") and name.endswith(".ko"):
                file = self.folder / Path(name).name
                file.write_bytes(content)
                self.work(file)
                if file.exists():
                    out[f"out/{file.name}"] = file
        yield io.BytesIO(tar_bytes(out))


@pytest.fixture
def hands(tmp_path: Path, ours: Pair) -> ModuleSigner:
    """The step, with compiled modules in the cache."""
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
    return ModuleSigner(targets=targets, cache=cache, engine=None, key=key)  # type: ignore[arg-type]


def sign_in(builder: Builder, hands: ModuleSigner) -> Result:
    combination = hands.targets.project.matrix.combinations[3]
    return replace(hands, engine=cast(Engine, builder)).sign(combination, TYPE, "the-builder")


@pytest.fixture
def builder(tmp_path: Path, ours: Pair) -> Builder:
    (tmp_path / "container").mkdir()
    return Builder(tmp_path / "container", lambda path: sign(path, ours))


def test_signed_modules_are_kept_with_the_name_of_who_signed_them(
    hands: ModuleSigner, builder: Builder, ours: Pair
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
    hands: ModuleSigner, builder: Builder, ours: Pair
) -> None:
    sign_in(builder, hands)

    assert sorted(name for name in builder.given if "." in name) == [
        "in/certificate.pem",
        "in/headers/0-linux-kbuild-6.12.deb",
        f"in/headers/1-linux-headers-{RELEASE}.deb",
        "in/modules/nvidia-uvm.ko",
        "in/modules/nvidia.ko",
    ]
    assert builder.made["entrypoint"] == ["/in/sign-modules", "/in", "/out", "sha256"]
    assert builder.made["image"] == "the-builder"


def test_the_key_is_standard_input_and_nowhere_else(hands: ModuleSigner, builder: Builder, ours: Pair) -> None:
    result = sign_in(builder, hands)
    secret = ours.key.read_bytes()
    kept = [path for path in hands.cache.root.rglob("*") if path.is_file()]

    assert builder.stdin == secret
    assert builder.made["env"] == {}
    assert all(secret not in content for content in builder.given.values())
    assert len(kept) > len(list(result.folder.iterdir()))
    assert [path for path in kept if secret.splitlines()[1] in path.read_bytes()] == []
    assert list(hands.cache.tmp.glob("sign*")) == []


def test_a_sign_file_that_refuses_is_quoted_with_its_log_and_nothing_is_kept(
    hands: ModuleSigner, builder: Builder
) -> None:
    builder.code, builder.prints = 1, b"signed nvidia.ko\nsign-file: /in/modules/nvidia.ko: No space left on device\n"
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
def test_what_comes_back_unsigned_does_not_count(hands: ModuleSigner, builder: Builder, work: Work, said: str) -> None:
    builder.work = work
    with pytest.raises(SigningFailedError, match=said):
        sign_in(builder, hands)
    assert not (hands.cache.root / "results/signed").exists()


def test_what_somebody_else_has_signed_does_not_count(hands: ModuleSigner, builder: Builder, theirs: Pair) -> None:
    builder.work = lambda path: sign(path, theirs)
    with pytest.raises(SigningFailedError, match=r"nvidia-uvm\.ko: signer certificate not found"):
        sign_in(builder, hands)


def test_a_signature_of_another_module_does_not_count(hands: ModuleSigner, builder: Builder, ours: Pair) -> None:
    def other(path: Path) -> None:
        path.write_text("another module")
        sign(path, ours)

    builder.work = other
    with pytest.raises(SigningFailedError, match=r"nvidia-uvm\.ko: the signature is of another module"):
        sign_in(builder, hands)


def test_the_error_for_uncompiled_modules_names_the_command_to_run(hands: ModuleSigner, builder: Builder) -> None:
    combination = hands.targets.project.matrix.combinations[0]
    with pytest.raises(InstallerError, match=r"the modules of .*/535\.309\.01/proprietary are not compiled"):
        replace(hands, engine=builder).sign(combination, TYPE, "the-builder")  # type: ignore[arg-type]


def test_a_result_of_signing_can_be_read_again(hands: ModuleSigner, builder: Builder) -> None:
    result = sign_in(builder, hands)

    assert json.loads((result.folder / "result.json").read_text()) == result.about
