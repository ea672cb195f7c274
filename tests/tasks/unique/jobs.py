"""Unique jobs, their keys, and how they come into the table."""

from taskyard.insertion import insert
from taskyard.policy import policy_of
from tests.example.tasks import once


def key(task, *args, **kwargs):
    return policy_of(task).unique.key_of(task, args, kwargs)


def new_job(number=0):
    backend = once.get_backend()
    return backend.new_jobs(once, [((number,), {})])


def plain_insert(jobs):
    return insert(jobs, leased=(), at_once=("default",))
