"""The same work done by this project and by what a user would do instead, measured in one run."""
