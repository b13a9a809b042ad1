"""Problems of a document that somebody else has written, as sentences."""

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """Return the first problem that pydantic found, with its key."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the document'}: {first['msg']}"
