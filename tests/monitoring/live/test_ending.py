"""A server that is told to stop does not wait for those who listen: they are told, and it ends."""

import signal

import pytest

from taskyard_monitoring.live.ending import end_with_process
from tests.tasks.jobs import add_job

ENDS_WITHIN = 60.0
"""Seconds; without us the server would wait for ever."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_streams_say_goodbye_and_the_server_ends(serve, viewer, number):
    site = serve()
    job = add_job()
    pages = [site.listen(f"jobs={job.pk}", viewer) for _ in range(20)]
    for page in pages:
        page.next("job")
    waits = site.ask(f"/live/jobs/{job.pk}/wait/?timeout=60", viewer)
    site.wait_for_listeners(21)

    site.process.send_signal(number)

    for page in pages:
        assert page.next("bye") == {}
        assert list(page.events()) == []
    assert waits.answered().status == 503
    assert waits.headers["retry-after"]
    # uvicorn hands the signal on to itself once it has stopped in order.
    assert site.process.wait(ENDS_WITHIN) in {0, -number}
    assert "Traceback" not in site.log


async def test_what_was_done_on_a_signal_before_is_still_done(monkeypatch):
    heard = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr("taskyard_monitoring.live.ending.watcher.end", lambda: heard.append("streams"))
    try:
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_process()
        end_with_process()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN

        signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert heard == [signal.SIGTERM], "once, though it was asked for twice"
