"""One folder an engine; each brings a backend to name in `TASKS`."""
