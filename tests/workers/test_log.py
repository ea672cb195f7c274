import signal

from tests.example import tasks

PLAIN = "--settings=tests.workers.plain_settings"


def test_a_site_without_logging_is_told_what_becomes_of_its_jobs(start):
    tasks.fail.enqueue("no such file")
    tasks.add.enqueue(1, 2)

    worker = start("worker", "--burst", PLAIN)

    assert worker.ended() == 0, worker.log
    assert "ValueError: no such file" in worker.log
    assert worker.log.count("state=SUCCESSFUL") == 1
    assert worker.log.count("state=FAILED") == 1


def test_a_dispatcher_says_that_it_is_there(start):
    dispatcher = start("dispatcher", PLAIN)

    dispatcher.wait_for_log("Dispatcher started.")
    dispatcher.signal(signal.SIGTERM)

    assert dispatcher.ended() == 0, dispatcher.log
