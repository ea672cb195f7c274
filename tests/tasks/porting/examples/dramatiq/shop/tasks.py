import dramatiq as d  # found: mechanical
from dramatiq import actor, group, pipeline  # found: mechanical
from dramatiq.brokers.redis import RedisBroker  # found: mechanical
from dramatiq.middleware import CurrentMessage  # found: mechanical
from dramatiq.rate_limits import ConcurrentRateLimiter  # found: mechanical

d.set_broker(RedisBroker(url="redis://localhost"))  # found: mechanical, mechanical


@actor  # found: mechanical
def send_receipt(order_id):
    return CurrentMessage.get_current_message()  # found: mechanical


@d.actor(  # found: mechanical
    queue_name="money",  # found: mechanical
    max_retries=3,  # found: decision
    min_backoff=1000,  # found: mechanical
    time_limit=60_000,  # found: mechanical
    max_age=3_600_000,  # found: no counterpart
    priority=5,  # found: decision
)
def charge(order_id):
    raise d.errors.Retry("busy", delay=1000)  # found: mechanical


@actor  # found: mechanical
async def fetch(url): ...


class Import(d.GenericActor):  # found: decision
    class Meta:
        queue_name = "reports"

    def perform(self, path): ...


class Count(d.Middleware):  # found: decision
    def after_process_message(self, broker, message, *, result=None, exception=None): ...


def everything(orders, limits=None):
    Import.send("orders.csv")  # found: mechanical
    pipeline([charge.message(1), send_receipt.message()]).run()  # found: decision, decision
    charge.message(1) | send_receipt.message()  # found: decision, decision
    together = group(charge.message(each) for each in orders)  # found: decision, decision
    together.add_completion_callback(send_receipt.message())  # found: no counterpart, decision
    with ConcurrentRateLimiter(limits, "one").acquire():  # found: no counterpart
        pass
