"""A pull by the engine, which is tried again after a failure that may pass."""

import docker
import docker.errors
from docker.utils import parse_repository_tag

from lifecycle.tools.network.retries import REQUESTS, RetryPolicy
from lifecycle.tools.registry.errors import is_passing


def pull_image(
    api: docker.APIClient, reference: str, *, platform: str, auth: dict[str, str] | None, policy: RetryPolicy = REQUESTS
) -> None:
    """Pull the image of a reference for a platform such as `linux/amd64`. `auth` is the login as the engine reads it.

    Raises docker.errors.APIError.
    """
    attempts = policy.start()
    while True:
        error = _pull_once(api, reference, platform, auth)
        if error is None:
            return
        if not is_passing(str(error)) or not attempts.again(f"{reference}: {error}"):
            raise error


def _pull_once(
    api: docker.APIClient, reference: str, platform: str, auth: dict[str, str] | None
) -> docker.errors.APIError | None:
    """Pull an image, and return the error if it fails. The engine reports a failure within the stream, too."""
    repository, tag = parse_repository_tag(reference)
    try:
        events = api.pull(
            repository, tag=tag or "latest", platform=platform, auth_config=auth, stream=True, decode=True
        )
        failures = [str(event["error"]) for event in events if "error" in event]
    except docker.errors.APIError as error:
        return error
    return docker.errors.APIError(failures[0]) if failures else None
