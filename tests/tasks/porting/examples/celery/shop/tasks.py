import celery  # found: mechanical
from celery import chain, chord, group  # found: mechanical
from celery import shared_task as st  # found: mechanical
from celery.exceptions import SoftTimeLimitExceeded  # found: mechanical
from celery.utils.log import get_task_logger  # found: mechanical
from mysite.celery import app

logger = get_task_logger(__name__)  # found: mechanical


@st  # found: mechanical
def send_receipt(order_id):
    return order_id


@celery.shared_task(  # found: mechanical
    bind=True,  # found: mechanical
    autoretry_for=(OSError,),  # found: mechanical
    retry_backoff=True,  # found: mechanical
    max_retries=5,  # found: mechanical
    acks_late=True,  # found: mechanical
    rate_limit="10/m",  # found: no counterpart
    time_limit=60,  # found: decision
)
def charge(self, order_id):
    logger.info("attempt %s of %s", self.request.retries, self.request.id)  # found: mechanical, mechanical
    self.update_state(state="PROGRESS", meta={"done": 1})  # found: mechanical
    try:
        return order_id
    except SoftTimeLimitExceeded as error:  # found: mechanical
        raise self.retry(exc=error) from error  # found: mechanical


@app.task(name="sum")  # found: mechanical, mechanical
def add_up(day):
    return day


class Import(app.Task):  # found: decision
    def run(self, path):
        self.retry()  # found: mechanical
        return path


importing = app.register_task(Import())


def everything(orders):
    importing.delay("orders.csv")  # found: mechanical
    Import().delay("orders.csv")  # found: mechanical
    chain(charge.s(1), send_receipt.s())()  # found: decision, decision
    chord([charge.s(each) for each in orders])(add_up.s())  # found: no counterpart, decision
    group(charge.s(each) for each in orders).delay()  # found: decision, decision, decision
    (charge.s(1) | send_receipt.s() | add_up.si()).apply_async()  # found: decision, decision, decision
