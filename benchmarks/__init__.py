"""What Taskyard does in a second, measured; see `python -m benchmarks --help`."""
