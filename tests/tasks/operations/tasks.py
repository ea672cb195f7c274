"""Tasks whose jobs are kept for times of their own."""

from datetime import timedelta

from taskyard import policy, task


@task
@policy(retention=timedelta(hours=1))
def kept_an_hour():
    return None


@task
@policy(retention={"FAILED": timedelta(days=30), "CANCELLED": timedelta(days=1)})
def kept_by_state(fails=False):
    if fails:
        raise ValueError("as asked")


@task
@policy(unique=("order",))
def once(order):
    return order
