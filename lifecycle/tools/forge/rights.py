"""The rights of a token's user in a project of a forge, as far as an API tells them without a change.

Sources: GitHub REST API 2022-11-28, "Get a repository" (`permissions`); GitLab REST API v4, "Get a single project" (`permissions`,
where access level 30 is Developer). The token itself may be allowed less than its user.
"""

from urllib.parse import quote

from pydantic import BaseModel

from lifecycle.tools.forge.api import ForgeApi
from lifecycle.tools.forge.project import ForgeKind, Project

_DEVELOPER = 30
_WHAT = "read the project"


class _Level(BaseModel):
    access_level: int = 0


class _Permissions(BaseModel):
    """`push` is GitHub's, the others are GitLab's."""

    push: bool = False
    project_access: _Level | None = None
    group_access: _Level | None = None


class _Answer(BaseModel):
    permissions: _Permissions | None = None


def may_write(project: Project, api: ForgeApi) -> bool | None:
    """Return whether the user of a token may write to a project; None if the forge does not tell. Raises ForgeRefusedError."""
    is_github = project.kind is ForgeKind.GITHUB
    path = f"repos/{project.path}" if is_github else f"projects/{quote(project.path, safe='')}"
    found = api.read(_Answer, api.ask("GET", path, _WHAT), _WHAT).permissions
    if found is None:
        return None
    if is_github:
        return found.push
    levels = [level.access_level for level in (found.project_access, found.group_access) if level]
    return max(levels) >= _DEVELOPER if levels else None
