"""The time stamp of all files in reproducible results."""

# In seconds since 1970: 2024-01-01.
# Source: reproducible-builds.org, SOURCE_DATE_EPOCH.
SOURCE_DATE_EPOCH = 1704067200
