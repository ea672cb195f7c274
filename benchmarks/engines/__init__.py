"""Every engine with our records against the bare engine; see `python -m benchmarks engines --help`."""
