"""The small parts that all else stands on: ids, dialects, coroutines that never wait."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import connection

from taskyard.database import dialect_of
from taskyard.execution import run_now
from taskyard.ids import new_job_id, parse_job_id


def test_ids_grow_without_a_repeat():
    ids = [new_job_id() for _ in range(10_000)]

    assert ids == sorted(set(ids))
    assert {each.version for each in ids} == {7}


ID = UUID("01a1fc3d-ed43-7167-95f3-b78fd0fca4ab")
SPELLINGS = [str(ID), str(ID).upper(), ID.hex, f"{{{ID}}}", f"urn:uuid:{ID}", ID]


@pytest.mark.parametrize("text", SPELLINGS, ids=str)
def test_an_id_may_be_spelt_in_every_usual_way(text):
    assert parse_job_id(text) == ID


@pytest.mark.parametrize("text", ["", " ", "x", None, 7, 1.5, b"abc", [], str(ID)[:-1], f"{ID}0"], ids=repr)
def test_what_is_no_id_is_none(text):
    assert parse_job_id(text) is None


def test_a_database_that_is_not_supported_says_which_are():
    oracle = SimpleNamespace(vendor="oracle", alias="jobs", display_name="Oracle")

    with pytest.raises(
        NotImplementedError, match=r"PostgreSQL, SQLite, MySQL or MariaDB; database 'jobs' is Oracle"
    ):
        dialect_of(oracle)


def test_the_database_of_the_tests_is_supported():
    dialect = dialect_of(connection)

    assert dialect.returning == (connection.vendor != "mysql")
    assert dialect.locks_rows == (connection.vendor != "sqlite")


def test_a_coroutine_that_never_waits_runs_without_a_loop():
    async def inner():
        return 3

    async def outer():
        return await inner() + 1

    assert run_now(outer()) == 4


def test_a_coroutine_that_raises_raises():
    async def fail():
        raise LookupError("no luck")

    with pytest.raises(LookupError, match="no luck"):
        run_now(fail())


def test_a_coroutine_that_waits_is_refused_and_closed():
    closed = []

    async def wait():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="tried to wait"):
        run_now(wait())

    assert closed == [True]
