"""Answers of an archive's server after which the same download may succeed.

apt repeats lost connections (apt.conf(5), Acquire::Retries), but takes an answer such as 503 as final (apt 2.6 and 3.0).
"""

import re

from lifecycle.tools.network.retries import TEMPORARY

_STATUSES = "|".join(str(int(status)) for status in sorted(TEMPORARY))
# apt's words for such an answer where it wanted to resume a file.
_OF_RESUMED = "Undetermined Error"
_ANSWER = re.compile(rf"^\s+(?P<answer>(?:(?:{_STATUSES})\s+\S|{_OF_RESUMED}).*?)\s*(?:\[IP: .*)?$", re.MULTILINE)


def find_busy_answer(output: str) -> str:
    """Return the first temporary failure in apt's output, such as "503 Service Unavailable"; "" if there is none."""
    match = _ANSWER.search(output)
    return " ".join(match["answer"].split()) if match else ""
