"""A checkout for a release whose remote is a project of the forge of the tests, with or without a key for its images."""

import os
import stat
from pathlib import Path

import docker

from lifecycle.attest.statements import TESTS
from lifecycle.cache.cache import TESTED, Cache, default_cache_dir
from lifecycle.cache.evidence import note_evidence
from lifecycle.planning.locked_project import load_locked_project
from tests.support.builders.attestations import PREDICATES, make_key, write_keys
from tests.support.checkouts.release_checkout import Checkout
from tests.support.git import git
from tests.support.servers.forge_server import TOKEN, ForgeServer

PROJECT = "team/gpu"
_APIS = {"github": "api/v3", "gitlab": "api/v4"}


def declare_release(checkout: Checkout, server: ForgeServer, kind: str) -> None:
    """Declare a release at the server, commit and push that, and make the server's project the remote.

    git reaches the remote's repository by a command in the place of ssh (git(1), GIT_SSH_COMMAND).
    """
    with (checkout.folder / "component.yaml").open("a") as file:
        file.write(f"release: {{forge: {kind}, api: 'http://{server.host}/{_APIS[kind]}'}}\n")
    checkout.commit("a release at a forge")
    git(checkout.folder, "push", "--quiet", "origin", "main")
    git(checkout.folder, "remote", "set-url", "origin", f"git@git.example.org:{PROJECT}.git")
    there = checkout.origin.with_name("ssh")
    (there / PROJECT).parent.mkdir(parents=True)
    (there / f"{PROJECT}.git").symlink_to(checkout.origin)
    command = there / "command"
    command.write_text(f'#!/bin/sh\ncd {there} && eval "exec $2"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    checkout.environ |= {"GIT_SSH_COMMAND": str(command), "GIT_SSH_VARIANT": "simple", "INVOKE_RELEASE_TOKEN": TOKEN}


def declare_key(checkout: Checkout, engine: docker.DockerClient) -> None:
    """Declare a key that signs the images, and record in the checkout's cache what the statements need. Commits nothing."""
    private, public = write_keys(make_key(), checkout.folder.with_name("keys"))
    with (checkout.folder / "component.yaml").open("a") as file:
        file.write(f"attest: {{key: 'env:KEY', publicKey: {public}, builder: 'urn:test'}}\n")
    checkout.environ["KEY"] = str(private)
    project = load_locked_project(checkout.folder)
    (combination,) = project.matrix.combinations
    image = project.component.image
    cache = Cache(Path(checkout.environ["XDG_CACHE_HOME"]) / "nvidia-installer")
    (cache.root / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")
    for made in engine.images.list(f"{image.registry}/{image.repository}"):
        note_evidence(cache, TESTED, str(made.id), {**PREDICATES[TESTS], "combination": combination.id})
