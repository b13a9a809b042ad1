"""The `release` section of component.yaml: a release at the code forge of the checkout's remote, with notes and SBOMs."""

from typing import Annotated

from pydantic import BeforeValidator

from lifecycle.config.schema import Model, formed
from lifecycle.tools.forge.project import ForgeKind


class ReleasePage(Model):
    """The API that makes the release, for hosts whose name does not tell. The project is that of the remote `origin`."""

    forge: ForgeKind | None = None
    api: (
        Annotated[str, formed(r"https?://\S+", "an address: write one such as https://git.example.org/api/v4")] | None
    ) = None


# `release:` alone declares the section with its defaults.
DeclaredPage = Annotated[ReleasePage | None, BeforeValidator(lambda value: {} if value is None else value)]
