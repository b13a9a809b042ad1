"""Runs a command and says what it took: `python measure.py COMMAND …`.

It prints JSON: wall seconds, seconds on a processor, peak memory in KiB.

The peak of a process counts what it was before it became the command: a copy of who started it (getrusage(2), execve(2)). So who
starts it is this, which imports next to nothing.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run the command with its output thrown away; ends with its exit code."""
    command = sys.argv[1:]
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "kib": usage.ru_maxrss}))
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
