"""Many that enqueue one key at the same moment make one job and do not wait for each other."""

import subprocess
import sys
from contextlib import nullcontext

import pytest
from django.db import connection, transaction

from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.standing_in import insert_or_find
from tests.example.tasks import (
    once,
)
from tests.support.processes import ROOT, environment
from tests.tasks.threads import at_once
from tests.tasks.unique.jobs import key, new_job, plain_insert

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_is_looked_for_in_its_index():
    """With few rows a database may read them all; forbidden to, it shows whether it could do otherwise."""
    forbid = {"postgresql": "SET LOCAL enable_seqscan = off", "sqlite": "SELECT 1", "mysql": "SELECT 1"}
    keys = [key(once, number) for number in range(3)]
    enqueue_many(once, [(number,) for number in range(50)])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(forbid[connection.vendor])
        plan = Job.objects.filter(unique_key__in=keys).explain()

    assert "taskyard_job_unique_key" in plan


def test_many_threads_make_one_job():
    results = at_once(*[lambda: once.enqueue(1)] * 20)

    assert len({result.id for result in results}) == 1
    assert sum(not result.is_duplicate for result in results) == 1
    assert Job.objects.count() == 1


def test_jobs_are_inserted_in_the_order_of_their_keys():
    orders = []

    def insert_noting_the_order(jobs):
        orders.append([job.unique_key for job in jobs])
        return plain_insert(jobs)

    insert_or_find([job for number in range(20) for job in new_job(number)], insert_noting_the_order)

    assert orders == [sorted(orders[0])]


@pytest.mark.parametrize("in_transaction", [False, True], ids=["alone", "in a transaction"])
def test_callers_with_the_same_keys_in_another_order_do_not_wait_for_each_other(in_transaction):
    if in_transaction and connection.vendor == "mysql":
        pytest.skip("MySQL locks the gaps between keys as well and may roll one of them back")
    calls = [[(n,) for n in range(200)], [(n,) for n in reversed(range(200))]]

    def enqueue(each):
        with transaction.atomic() if in_transaction else nullcontext():
            return enqueue_many(once, each)

    results = at_once(*[lambda each=each: enqueue(each) for each in calls * 4])

    assert Job.objects.count() == 200
    assert [[result.args[0] for result in each] for each in results] == [
        [number for (number,) in each] for each in calls * 4
    ]


ENQUEUERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from tests.example.tasks import once

print("ready", flush=True)
sys.stdin.readline()
start = Barrier(50)

def enqueue():
    try:
        connections["default"].ensure_connection()
        start.wait(120)
        return once.enqueue(7).is_duplicate
    finally:
        connections.close_all()

with ThreadPoolExecutor(50) as threads:
    futures = [threads.submit(enqueue) for _ in range(50)]
    answers = [future.result() for future in futures]
print(answers.count(False), answers.count(True), flush=True)
"""


def test_200_enqueuers_at_one_moment_make_one_job(tmp_path):
    script = f"import django\ndjango.setup()\n{ENQUEUERS}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment(tmp_path),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = []
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            out, err = process.communicate(timeout=240)
            assert process.returncode == 0, err
            answers.append([int(number) for number in out.split()])
    finally:
        for process in processes:
            process.kill()

    assert [sum(column) for column in zip(*answers, strict=True)] == [1, 199]
    assert Job.objects.count() == 1
