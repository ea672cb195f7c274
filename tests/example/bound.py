"""A task that is bound to a signal where it is defined."""

from django.dispatch import Signal

from taskyard import enqueue_on, task

order_paid = Signal()


@enqueue_on(order_paid, args=lambda order_id, **_: [order_id])
@task
def bill(order_id):
    return order_id
