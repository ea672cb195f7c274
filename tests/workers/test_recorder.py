"""Writing outcomes while the database has its moments."""

import logging

import pytest
from django.db import DatabaseError, OperationalError

from taskyard import Progress, get_progress
from taskyard.models import Job
from taskyard.run import prepare
from taskyard.signals import job_progressed
from taskyard.states import Event, JobState
from taskyard_workers import recorder as recorder_module
from taskyard_workers.recorder import Recorder
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job, fresh, outcome

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(recorder_module, "PATIENCE", 0.01)
    writer = Recorder()
    writer.start()
    yield writer
    writer.close()


def failing_first(conclude, error, times):
    """Return `conclude` as a database would have it that fails so many times."""
    failures = iter([error] * times)

    def conclude_at_last(outcomes):
        for failure in failures:
            raise failure
        return conclude(outcomes)

    return conclude_at_last


def test_an_outcome_is_written_once_the_database_is_back(recorder, monkeypatch, caplog):
    job = add_job(JobState.RUNNING)
    blip = OperationalError("the server closed the connection")
    monkeypatch.setattr(recorder_module, "conclude", failing_first(recorder_module.conclude, blip, 3))

    with caplog.at_level(logging.WARNING):
        assert recorder.record(outcome(job, Event.SUCCEED))

    assert fresh(job).state == JobState.SUCCESSFUL
    assert caplog.text.count("could not be written") == 3


def test_an_outcome_that_no_database_takes_harms_no_other(recorder, monkeypatch):
    good, bad = add_job(JobState.RUNNING), add_job(JobState.RUNNING)
    conclude = recorder_module.conclude

    def refuse_the_bad(outcomes):
        if any(each.job_id == bad.id for each in outcomes):
            raise DatabaseError("no such row will ever be")
        return conclude(outcomes)

    monkeypatch.setattr(recorder_module, "conclude", refuse_the_bad)
    futures = [recorder.submit(outcome(job, Event.SUCCEED)) for job in (bad, good)]

    with pytest.raises(DatabaseError, match="no such row"):
        futures[0].result(30)
    assert futures[1].result(30)
    assert fresh(good).state == JobState.SUCCESSFUL


def test_the_outcome_of_a_job_that_was_deleted_while_it_ran_is_refused(recorder):
    gone, there = add_job(JobState.RUNNING), add_job(JobState.RUNNING)
    Job.objects.filter(pk=gone.pk).delete()

    futures = [recorder.submit(outcome(job, Event.SUCCEED)) for job in (gone, there)]

    assert [future.result(30) for future in futures] == [False, True]


def test_progress_is_written_and_told_of(monkeypatch):
    monkeypatch.setattr(recorder_module, "PROGRESS_INTERVAL", 0.01)
    told = []

    def receive(sender, task_result, progress, **_):
        told.append((task_result.id, progress.done))

    run = prepare(add_job(JobState.RUNNING))
    writer = Recorder()
    writer.watch(run)
    job_progressed.connect(receive)
    try:
        writer.start()
        run.progress.latest = Progress(3, 10)
        wait_until(lambda: told, "it is told")
    finally:
        writer.close()
        job_progressed.disconnect(receive)

    assert told == [(str(run.job.id), 3)]
    assert get_progress(str(run.job.id)).done == 3
