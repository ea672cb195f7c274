import threading
from datetime import timedelta
from multiprocessing.pool import ThreadPool

from celery.result import AsyncResult  # found: mechanical
from django.db import transaction

from shop import tasks
from shop.timers import Timer, make_timer

from .tasks import charge
from .tasks import send_receipt as receipt


def buy(request, queue):
    charge.delay(7)  # found: mechanical
    tasks.add_up.delay("today")  # found: mechanical
    receipt.apply_async(args=[7], countdown=60, queue="mail")  # found: mechanical, mechanical, mechanical
    charge.apply_async(  # found: mechanical
        (7,),
        eta=None,  # found: mechanical
        expires=60,  # found: no counterpart
        link=receipt.s(),  # found: decision, decision
    )
    transaction.on_commit(lambda: receipt.delay(7))  # found: mechanical
    result = charge.delay(7)  # found: mechanical
    result.get(timeout=5)  # found: decision
    if result.ready():  # found: mechanical
        return result.status  # found: mechanical
    return AsyncResult(request.GET["id"]).state  # found: mechanical, mechanical


def others(pool: ThreadPool, request, unknown):
    Timer().delay(5)
    make_timer().delay(5)  # found: perhaps mechanical
    threading.Timer(1, print).delay()
    timedelta(seconds=5).delay()
    ThreadPool().apply_async(print)
    "text".delay()
    unknown.delay(5)  # found: perhaps mechanical
    request.timer.apply_async(countdown=3)  # found: perhaps mechanical, perhaps mechanical
    for each in (charge, receipt):
        each.delay()  # found: perhaps mechanical
    get = {}.get
    get("x")
    unknown.get("x")


class View:
    task = charge

    def delay(self):
        self.delay()

    def post(self):
        self.task.delay(1)  # found: perhaps mechanical
