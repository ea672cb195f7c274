import django_q.tasks as q  # found: mechanical
from django.dispatch import receiver
from django_q.models import Schedule, Success  # found: decision
from django_q.signals import post_execute  # found: mechanical
from django_q.tasks import AsyncTask, Chain, async_iter, fetch, result, schedule  # found: mechanical
from django_q.tasks import async_task as later  # found: mechanical


def charge(order_id): ...


def told(task):
    return task.success


def buy(order_id, schedule_of):
    key = later("shop.jobs.charge", order_id)  # found: mechanical
    later(  # found: mechanical
        charge,
        order_id,
        hook=told,  # found: decision
        group="orders",  # found: decision
        timeout=60,  # found: mechanical
    )
    q.async_task(charge, order_id)  # found: mechanical
    async_iter(charge, [1, 2])  # found: decision
    chain = Chain()  # found: decision
    chain.append(charge, 1)  # found: decision
    AsyncTask(charge, 1).run()  # found: decision, decision
    schedule(  # found: decision
        "shop.jobs.charge",
        7,
        cron="0 2 * * *",  # found: mechanical
        repeats=5,  # found: no counterpart
    )
    Schedule.objects.create(func="shop.jobs.charge")  # found: decision
    Success.objects.count()  # found: decision
    q.result_group("orders")  # found: no counterpart
    schedule_of.schedule("x")
    assert fetch(key).success  # found: mechanical, mechanical
    return result(key, 200)  # found: decision


@receiver(post_execute)  # found: mechanical
def ended(task, **kwargs): ...
