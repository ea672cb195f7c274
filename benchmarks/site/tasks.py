"""What is enqueued; nobody runs it."""

from taskyard import task


@task
def no_op():
    """Do nothing."""
