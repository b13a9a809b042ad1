"""NVIDIA's security bulletins in CSAF, as far as they concern its data-centre driver for Linux.

Sources: OASIS Common Security Advisory Framework 2.0, 3.2 ("Properties"); the bulletins in NVIDIA/product-security on GitHub, which
name a driver branch in a branch of the product tree (`Linux(R535)`), and the data-centre GPUs `Tesla`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, Field, ValidationError

from lifecycle.errors import InstallerError
from lifecycle.tools.problems import first_problem

_BRANCH = re.compile(r"Linux\s*\(\s*R(\d+)\s*\)")
_PRODUCT = "Tesla"
_VERSION = re.compile(r"\d+(?:\.\d+)+")


class BadBulletinError(InstallerError):
    """A document that is not a CSAF bulletin."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} is not a CSAF document: {why}")


@dataclass(frozen=True, kw_only=True)
class Vulnerability:
    """A vulnerability of the driver: its CVSS base score and severity, and the version that fixes it by driver branch (`535`)."""

    cve: str
    score: float
    severity: str
    fixed: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Bulletin:
    """A bulletin: its number, the date of its current revision, and the vulnerabilities of the driver."""

    id: str
    title: str
    date: date
    vulnerabilities: tuple[Vulnerability, ...]

    @property
    def branches(self) -> tuple[str, ...]:
        """The driver branches that the bulletin lists, from the oldest on."""
        return tuple(sorted({branch for one in self.vulnerabilities for branch in one.fixed}, key=int))


class _Product(BaseModel):
    name: str = ""
    product_id: str


class _Branch(BaseModel):
    name: str = ""
    branches: "list[_Branch]" = []
    product: _Product | None = None


class _Tree(BaseModel):
    branches: list[_Branch] = []


class _Cvss(BaseModel):
    score: float = Field(alias="baseScore")
    severity: str = Field(default="", alias="baseSeverity")


class _Score(BaseModel):
    cvss_v4: _Cvss | None = None
    cvss_v3: _Cvss | None = None

    @property
    def best(self) -> _Cvss | None:
        return self.cvss_v4 or self.cvss_v3


class _Status(BaseModel):
    fixed: list[str] = []


class _Vulnerability(BaseModel):
    cve: str = ""
    scores: list[_Score] = []
    product_status: _Status = _Status()


class _Tracking(BaseModel):
    id: str
    current_release_date: datetime


class _About(BaseModel):
    title: str
    tracking: _Tracking


class _Document(BaseModel):
    document: _About
    product_tree: _Tree = _Tree()
    vulnerabilities: list[_Vulnerability] = []


def read_bulletin(name: str, content: bytes) -> Bulletin:
    """Return the bulletin in a CSAF document; `name` is its file's, for errors. Raises BadBulletinError."""
    try:
        read = _Document.model_validate_json(content)
    except ValidationError as error:
        raise BadBulletinError(name, first_problem(error)) from error
    products = {product: fix for branch in read.product_tree.branches for product, fix in _versions(branch, "")}
    found = [_vulnerability(one, products) for one in read.vulnerabilities]
    return Bulletin(
        id=read.document.tracking.id,
        title=read.document.title,
        date=read.document.tracking.current_release_date.date(),
        vulnerabilities=tuple(one for one in found if one.fixed),
    )


def _versions(branch: _Branch, driver: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the driver branch and the exact version of each product id of the driver; `driver` is the branch around."""
    named = _BRANCH.fullmatch(branch.name.strip())
    driver = named[1] if named else driver
    if driver and branch.product and branch.name == _PRODUCT and _VERSION.fullmatch(branch.product.name):
        yield branch.product.product_id, (driver, branch.product.name)
    for inner in branch.branches:
        yield from _versions(inner, driver)


def _vulnerability(read: _Vulnerability, products: Mapping[str, tuple[str, str]]) -> Vulnerability:
    best = max((score.best for score in read.scores if score.best), key=lambda cvss: cvss.score, default=None)
    return Vulnerability(
        cve=read.cve,
        score=best.score if best else 0,
        severity=best.severity.lower() if best else "",
        fixed=dict(products[product] for product in read.product_status.fixed if product in products),
    )
