"""Dramatiq by itself."""

import sys

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from benchmarks.engines import effects
from benchmarks.engines.combinations import broker_url, measured_here

_combination = measured_here()

_broker = {"redis": RedisBroker, "rabbitmq": RabbitmqBroker}[_combination.broker]
dramatiq.set_broker(_broker(url=broker_url().rstrip("/")))  # "//", others' default vhost, is none to pika

WORKERS = [
    [
        *(sys.executable, "-m", "dramatiq", __name__),
        *("--processes", str(_combination.processes), "--threads", str(_combination.slots)),
    ]
]


@dramatiq.actor
def no_op():
    """Leave a line."""
    effects.leave_line()


def one_by_one(count: int) -> None:
    """Enqueue no-ops."""
    for _ in range(count):
        no_op.send()


def in_bulk(count: int) -> None:
    """Enqueue no-ops as a group: the most that Dramatiq does for many of them."""
    dramatiq.group(no_op.message() for _ in range(count)).run()


def settle() -> None:
    """Nothing is recorded."""
