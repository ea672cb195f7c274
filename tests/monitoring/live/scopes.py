"""A site's own rule of who may see which jobs."""

from taskyard_monitoring.scope import EVERYTHING


def all_jobs(_):
    """Show all jobs to anybody, so that thousands may come in without a session each."""
    return EVERYTHING
