"""Run a command and print its costs as JSON: `python measure.py COMMAND …`.

The costs are wall seconds, CPU seconds, and peak memory in KiB. The peak includes the memory of the parent process, of which the
command starts as a copy (getrusage(2), execve(2)). So this program is the parent, and imports almost nothing.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run the command, discard its output, print its costs, and exit with its exit code."""
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
