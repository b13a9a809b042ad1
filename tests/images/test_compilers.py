"""The compiler of each kernel, which its builder must have: scripts/builder/compile.sh asks before it compiles."""

import re

import docker
import pytest

from lifecycle.pipeline.compile import CompileJob, environment_of
from lifecycle.planning.matrix import Combination


def test_a_builder_without_the_compiler_of_the_kernel_is_refused(
    kernel_image: str, combination: Combination, engine: docker.DockerClient
) -> None:
    job = CompileJob(combination=combination, types=combination.module_types)
    with pytest.raises(docker.errors.ContainerError) as caught:
        engine.containers.run(
            kernel_image,
            ["-c", "rm /usr/bin/*gcc-[0-9]* && exec compile.sh /in /out"],
            entrypoint="bash",
            environment=environment_of(job, 1),
            network_mode="none",
            remove=True,
        )

    assert caught.value.exit_status == 2
    assert re.search(r"compile\.sh: error: this builder has no \S*gcc-\d+, which the kernel", str(caught.value))
