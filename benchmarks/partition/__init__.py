"""A worker's host cut off from its broker and its database; see `python -m benchmarks.partition --help`."""
