"""The section `policy` of component.yaml: how many releases and drivers to keep, and what a canary must have shown."""

from pydantic import Field

from lifecycle.config.schema import Model


class Promotion(Model):
    """The evidence that each image of a canary needs before `invoke promote` makes its release current."""

    built: bool = True
    """The engine has the image."""
    tested: bool = False
    """`nox -s test_images` has passed for the image here."""
    booted: bool = True
    """`nox -s test_node` has booted the kernel with the image here."""
    pushed: bool = False
    """The registry has the image."""
    rehearsed: bool = False
    """The last `invoke rehearse` of the image here did not find it blocked."""
    days: int = Field(default=0, ge=0)
    """The days since the first proof that an image booted this kernel."""


class Policy(Model):
    """The number of entries to keep, of which one more retires the oldest, and the evidence that a canary needs."""

    releases_per_channel: int = Field(default=1, ge=1)
    """The releases of one family, such as debian, in a channel."""
    drivers: int = Field(default=3, ge=1)
    """The drivers; `invoke update` adds the newest branches up to this number."""
    promotion: Promotion = Promotion()
    """The evidence that a canary needs to become current."""
