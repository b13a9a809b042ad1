"""The time stamp of reproducible results."""

# The modification time of every file in a result, in seconds since 1970: 2024-01-01.
# Source: reproducible-builds.org, SOURCE_DATE_EPOCH.
SOURCE_DATE_EPOCH = 1704067200
