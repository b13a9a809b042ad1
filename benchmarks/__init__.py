"""Benchmarks of this project against plain Dockerfiles that do the same work, measured in one run."""
