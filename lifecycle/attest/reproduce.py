"""`invoke reproduce`: build an image in a registry again from its provenance, and compare the result.

The id of an image is the sha256 of its configuration, which names each layer by the sha256 of its content. So the same id means the
same bytes. The digest of the manifest may differ: registries store compressed layers, and engines compress differently.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.attest.command import (
    NotVerifiedError,
    Reference,
    attester_of,
    declared_keys,
    descriptor_of,
    required_attest,
    verify_published,
)
from lifecycle.attest.key import BuilderKeys, PrivateKey, TrustedKeys, second_keys
from lifecycle.attest.predicates import Reproduction
from lifecycle.attest.statements import PROVENANCE, REPRODUCTION, Statement
from lifecycle.config.security import Builder
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.project import COMPONENT
from lifecycle.tools.checkout import Checkout
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.problems import first_problem
from lifecycle.tools.process import run_in_view
from lifecycle.tools.registry.client import Registry, RemoteImage
from lifecycle.tools.registry.credentials import login_for


class NotReproducibleError(InstallerError):
    """An image that cannot be built again from what is known of it."""

    def __init__(self, reference: str, why: str) -> None:
        super().__init__(f"{reference} cannot be reproduced: {why}")


class NotReproducedError(InstallerError):
    """An image that was built again and is another one."""

    def __init__(self, reference: str, published: str, rebuilt: str) -> None:
        super().__init__(
            f"{reference} was not reproduced",
            details=f"  published: {published}\n  rebuilt:   {rebuilt}",
            resolution="Compare the two with `docker save`: one of them is not made of what it claims.",
        )


class NoSecondBuilderError(UsageError):
    """A component.yaml without a second builder."""

    def __init__(self) -> None:
        super().__init__(
            "component.yaml has no `attest.secondBuilder`, so no key is known: add it (docs/how-to/attest.md)"
        )


class _External(BaseModel):
    combination: str
    files: dict[str, str]


class _Internal(BaseModel):
    image_id: str = Field(alias="imageId")


class _Dependency(BaseModel):
    digest: dict[str, str] = {}


class _Definition(BaseModel):
    external: _External = Field(alias="externalParameters")
    internal: _Internal = Field(alias="internalParameters")
    dependencies: list[_Dependency] = Field(alias="resolvedDependencies")


class _Provenance(BaseModel):
    definition: _Definition = Field(alias="buildDefinition")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The content of a provenance: the combination, the commit ("" if there is none), the declaring files, and the image's id."""

    combination: str
    commit: str
    files: Mapping[str, str]
    image_id: str


def recipe_of(reference: str, predicate: Mapping[str, Any]) -> Recipe:
    """Return the recipe in a provenance predicate. Raises NotReproducibleError."""
    try:
        definition = _Provenance.model_validate(predicate).definition
    except ValidationError as error:
        raise NotReproducibleError(reference, f"its provenance has another form: {first_problem(error)}") from error
    commits = [one.digest["gitCommit"] for one in definition.dependencies if "gitCommit" in one.digest]
    if not commits:
        raise NotReproducibleError(reference, "its provenance names no commit: the checkout had uncommitted changes")
    return Recipe(
        combination=definition.external.combination,
        commit=commits[0],
        files=definition.external.files,
        image_id=definition.internal.image_id,
    )


def show_reproduction(session: Session, reference: str, *, sign: bool, as_json: bool) -> str:
    """Build an image again, and print whether it is the published one. Return the next step.

    With `sign`, also sign that, as the second builder. Raises NotVerifiedError, NotReproducibleError, NotReproducedError, and
    NoSecondBuilderError or PemError before the build.
    """
    keys = _second_keys(session) if sign else None
    private = keys.private() if keys else None
    # Another second builder's statement proves nothing here.
    verified = verify_published(session, reference, TrustedKeys(first=declared_keys(session).first))
    predicate = next((s.predicate for s in verified.statements if s.predicate_type == PROVENANCE), None)
    if verified.problems or predicate is None:
        raise NotVerifiedError(reference, verified.problems)
    recipe = recipe_of(reference, predicate)
    with _sources(session, reference, recipe) as folder:
        rebuilt = _rebuild(session, folder, recipe)
    if as_json:
        output.print_json({"reference": reference, "published": recipe.image_id, "rebuilt": rebuilt})
    if rebuilt != recipe.image_id:
        raise NotReproducedError(reference, recipe.image_id, rebuilt)
    if keys and private:
        sign_reproduction(
            session, Reference.parse(reference), verified.image, private, _reproduction(keys.builder, recipe)
        )
    if not as_json:
        output.print_lines([f"reproduced: {reference} is {rebuilt}"])
    return "invoke push, where the image was pushed: it moves the tags" if sign else ""


def _second_keys(session: Session) -> BuilderKeys:
    keys = second_keys(session.root / COMPONENT, required_attest(session), session.environ)
    if keys is None:
        raise NoSecondBuilderError
    return keys


def _reproduction(builder: Builder, recipe: Recipe) -> Reproduction:
    return Reproduction(
        combination=recipe.combination, image_id=recipe.image_id, commit=recipe.commit, builder=builder.builder
    )


def sign_reproduction(
    session: Session, reference: Reference, image: RemoteImage, key: PrivateKey, reproduction: Reproduction
) -> None:
    """Sign an image in the registry, and that it was reproduced. Raises RegistryRefusedError, OverwrittenError."""
    name = f"{reference.registry}/{reference.repository}"
    predicate = reproduction.model_dump(mode="json", by_alias=True)
    statement = Statement(name=name, subject=image.digest, predicate_type=REPRODUCTION, predicate=predicate)
    with closing(Registry(reference.registry, login_for(reference.registry, session.environ))) as registry:
        attester = attester_of(session, registry, name, key)
        new = attester.attest(descriptor_of(registry, reference.repository, image.digest), [statement])
    session.progress.say(f"signed {name}@{image.digest}" if new else f"{name}@{image.digest} was signed already")


@contextmanager
def _sources(session: Session, reference: str, recipe: Recipe) -> Iterator[Path]:
    """Yield the files of the commit. Raises NotReproducibleError if they are not those of the provenance."""
    checkout = Checkout(session.root)
    if checkout.commit(recipe.commit) is None:
        raise NotReproducibleError(reference, f"this clone does not have the commit {recipe.commit}: fetch it")
    with checkout.files_at(recipe.commit) as folder:
        for name, digest in recipe.files.items():
            if not (folder / name).is_file() or sha256_of(folder / name) != digest:
                raise NotReproducibleError(reference, f"{name} of the commit {recipe.commit[:12]} has another content")
        yield folder


def _rebuild(session: Session, folder: Path, recipe: Recipe) -> str:
    """Build the combination with the code of the sources, and return the image's id. It gets the combination's local names."""
    command = [sys.executable, "-m", "invoke", "build", "--only", recipe.combination, "--rebuild", "--locked", "--json"]
    command += ["--cache-dir", str(session.cache.root)]
    code, output = run_in_view(command, folder=folder, stdout=subprocess.PIPE, extra_env={"INVOKE_STORE_MODE": "off"})
    if code:
        raise NotReproducibleError(recipe.combination, f"the build ended with exit code {code}")
    (row,) = json.loads(output)
    image = session.engine.image(row["image"])
    if image is None:
        raise NotReproducibleError(recipe.combination, f"the engine does not have {row['image']}")
    return image.id
