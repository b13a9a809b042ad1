"""Licences of Debian packages as SPDX expressions.

Sources: Debian's "Machine-readable debian/copyright file" 1.0, "License specification"; SPDX License List 3.27; SPDX
specification 2.3, Annex D ("SPDX license expressions").
"""

import logging
import re
from collections.abc import Iterable, Iterator

from debian.copyright import Copyright, NotMachineReadableError

NO_ASSERTION = "NOASSERTION"
NVIDIA = "LicenseRef-NVIDIA-Driver"
_GNU = re.compile(r"(AGPL|LGPL|GPL|GFDL)(-NIV)?-(\d)(?:\.(\d))?(?:\.\d)?(-only|-or-later)?(\+?)")
# Debian's short names, in small letters, that are not GNU's, and their SPDX identifiers.
_IDENTIFIERS = {
    "0bsd": "0BSD",
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "artistic-2.0": "Artistic-2.0",
    "beerware": "Beerware",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "bsd-4-clause-uc": "BSD-4-Clause-UC",
    "bsl-1": "BSL-1.0",
    "bsl-1.0": "BSL-1.0",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc0-1.0": "CC0-1.0",
    "curl": "curl",
    "expat": "MIT",
    "fsfap": "FSFAP",
    "fsful": "FSFUL",
    "fsfullr": "FSFULLR",
    "gpl": "GPL-1.0-or-later",
    "isc": "ISC",
    "lgpl": "LGPL-2.0-or-later",
    "mit": "MIT",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "openssl": "OpenSSL",
    "psf-2": "Python-2.0",
    "x11": "X11",
    "zlib": "Zlib",
}


def licence_expression(copyright_file: str) -> str:
    """Return the licences of a package, from its copyright file, as one SPDX expression.

    The expression joins those of all files with AND. It is `NOASSERTION` if the file is not machine-readable.
    """
    # It reports each file with an old address of the format.
    logging.getLogger("debian.copyright").setLevel(logging.ERROR)
    try:
        read = Copyright(copyright_file.splitlines(keepends=True), strict=False)
        synopses = [files.license.to_str().partition("\n")[0] for files in read.all_files_paragraphs() if files.license]
    except (NotMachineReadableError, ValueError, TypeError):
        return NO_ASSERTION
    return joined(term for synopsis in synopses for term in _terms(synopsis))


def joined(expressions: Iterable[str]) -> str:
    """Return expressions, each once, as one that joins them with AND; `NOASSERTION` for none."""
    found = sorted(set(expressions))
    if len(found) == 1:
        return found[0]
    return " AND ".join(f"({one})" if " OR " in one else one for one in found) or NO_ASSERTION


def _terms(synopsis: str) -> Iterator[str]:
    """Yield the terms of Debian's text of a License field: `GPL-2+ or Expat, and ISC` has two."""
    for part in re.split(r",?\s+and\s+(?:/or\s+)?|\s*,\s*", synopsis.strip()):
        names = re.split(r"\s+or\s+|\s*\|\s*", part)
        if options := sorted({_identifier(name) for name in names if name.strip()}):
            yield " OR ".join(options)


def _identifier(name: str) -> str:
    """Return the SPDX identifier for one of Debian's short names; a `LicenseRef-` for names that SPDX does not have."""
    name = name.strip()
    if name.lower() in _IDENTIFIERS:
        return _IDENTIFIERS[name.lower()]
    if gnu := _GNU.fullmatch(name):
        family, no_invariants, major, minor, spelled, later = gnu.groups()
        version = f"{family}-{major}.{minor or 0}" + ("-no-invariants" if no_invariants else "")
        return version + (spelled or ("-or-later" if later else "-only"))
    return f"LicenseRef-Debian-{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('-')}"
