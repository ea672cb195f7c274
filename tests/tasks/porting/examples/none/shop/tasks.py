"""Nothing here comes from another queue."""

import asyncio
from sched import scheduler as schedule

from discord.ext import commands
from django.dispatch import Signal

from taskyard import task

bot = commands.Bot()
paid = Signal()


@task(name="x", queue_name="mail", priority=5)
def charge(order_id):
    return order_id


@bot.command()
async def greet(ctx, name):
    await ctx.send(name)


bot.add_command(greet)


def others(message, wire, call):
    charge.enqueue(7)
    message.delay()
    wire.send(b"x")
    call.apply_async()
    paid.send(sender=None)
    schedule().enter(1, 1, print)
    asyncio.run(greet(None, "x"))
    return call.get()
