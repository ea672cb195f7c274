from arq import Retry, cron  # found: mechanical
from arq.connections import RedisSettings  # found: mechanical
from arq.worker import func  # found: mechanical

from shop.reports import add_up


async def send_receipt(ctx, order_id):  # found: mechanical
    if ctx["job_try"] > 3:  # found: mechanical
        raise Retry(defer=5)  # found: mechanical
    await ctx["client"].get("https://example.com")  # found: decision
    await ctx["redis"].enqueue_job("charge", order_id)  # found: mechanical, mechanical


async def charge(ctx, order_id):  # found: mechanical
    return ctx["job_id"]  # found: mechanical


async def make_client(ctx):  # found: perhaps mechanical
    ctx["client"] = object()  # found: decision


async def helper(order_id): ...


class WorkerSettings:  # found: decision
    functions = [send_receipt, func(add_up, max_tries=3)]  # found: mechanical
    cron_jobs = [cron(add_up, hour=2, minute=0, second=30)]  # found: mechanical, no counterpart
    on_startup = make_client
    redis_settings = RedisSettings()  # found: mechanical
