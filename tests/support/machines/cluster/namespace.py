"""Mounts and processes of the node, in namespaces that end with the tests, even if the tests are killed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Folders in which a node's programs, or the tests, write to paths that no option changes.
_OWN = ("opt", "run", "var/lib", "var/log")


@dataclass(frozen=True)
class Namespace:
    """A mount and a PID namespace (namespaces(7)), and the process that holds them."""

    holder: int

    def command(self, *words: object) -> list[str]:
        """Return the command line that runs a command in the namespaces."""
        ns = f"/proc/{self.holder}/ns"
        return ["nsenter", f"--mount={ns}/mnt", f"--pid={ns}/pid_for_children", "--", *map(str, words)]

    def run(self, *words: object) -> None:
        """Run a command in the namespaces; raise subprocess.CalledProcessError if it fails."""
        subprocess.run(self.command(*words), check=True, stdin=subprocess.DEVNULL)


@contextmanager
def namespace(folder: Path) -> Iterator[Namespace]:
    """Create the namespaces, with the node's own folders instead of this machine's, and end them at the end.

    Process 1 in them is `cat`. It ends when its input is closed, thus with these tests, and all other processes end
    with it.
    """
    command = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        holder.stdin.write(b"ready\n")
        holder.stdin.flush()
        holder.stdout.readline()
        found = Namespace(holder.pid)
        # Volumes follow the host's mounts, for which these have to be shared (mount_namespaces(7)).
        found.run("mount", "--make-rshared", "/")
        for place in _OWN:
            (folder / place).mkdir(parents=True)
            found.run("mount", "--bind", folder / place, f"/{place}")
        yield found
        # Closing its input, which ends it, is what the end of the block does first.
