"""The time until a kernel reaches a release, as far as its suite tells. Pure.

Source: Debian Developer's Reference, 5.5.1, "Special case: uploads to the stable and oldstable distributions".
"""

from lifecycle.config.component import NEWEST, Release
from lifecycle.radar.model import Arrival

AT_ONCE = "at once"


def arrival_of(release: Release, suite: str, *, own: bool, newest: bool, replaces: str) -> Arrival:
    """Return when a release gets a kernel of a suite; `own` tells that its own source declares the suite.

    `newest` is false for a kernel which is not the newest of its flavour there. `replaces` is the declared release that a next one
    replaces, or the release itself.
    """
    if replaces != release.name:
        return Arrival(days=None, words=f"when it replaces {replaces}")
    if not newest or (own and release.kernel != NEWEST):
        return Arrival(days=None, words="if `kernel` in component.yaml names it")
    if suite.endswith("proposed-updates"):
        return Arrival(days=None, words="with the next point release")
    if own or suite.endswith(("-security", "-updates")):
        return Arrival(days=0, words=AT_ONCE)
    return Arrival(days=None, words="unknown")
