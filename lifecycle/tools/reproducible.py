"""The time stamp of all files in reproducible results."""

from datetime import UTC, datetime

# In seconds since 1970: 2024-01-01.
# Source: reproducible-builds.org, SOURCE_DATE_EPOCH.
SOURCE_DATE_EPOCH = 1704067200


def created_text() -> str:
    """Return the time as in JSON documents (RFC 3339): `2024-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(SOURCE_DATE_EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
