"""A module that cannot be imported: what it needs is not there."""

raise RuntimeError("broken on purpose")
