"""What ends a worker process."""

import logging
import signal
import sys
import threading

import pytest

from taskyard_workers import exits, supervisor
from taskyard_workers.shutdown import Shutdown
from taskyard_workers.supervisor import Supervisor
from tests.support.servers import wait_until


class Busy(Shutdown):
    """Shows all threads at once that nobody has asked for the end yet."""

    def __init__(self, threads):
        self._barrier = threading.Barrier(threads, timeout=20)
        self._stopping = False
        super().__init__()

    @property
    def stopping(self):
        """Whether it stops; whoever asks hears it only after all have asked."""
        stopping = self._stopping
        self._barrier.wait()
        return stopping

    @stopping.setter
    def stopping(self, value):
        self._stopping = value


def test_a_process_that_is_to_be_replaced_says_so_once_though_several_threads_see_it(caplog):
    caplog.set_level(logging.INFO)
    shutdown = Busy(threads=4)
    threads = [threading.Thread(target=shutdown.replace_process, args=["it is old."]) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert shutdown.replace
    assert caplog.text.count("is to be replaced: it is old.") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop_is_not_replaced_after_all(number):
    assert threading.current_thread() is threading.main_thread()
    shutdown = Shutdown()
    with shutdown.on_signals():
        shutdown.replace_process("it has run 2 jobs.")
        signal.raise_signal(number)

        assert shutdown.exit_code(exits.CLEAN) == exits.CLEAN
        assert not shutdown.at_once, "its jobs may finish: it is told the first time"

        signal.raise_signal(number)
        assert shutdown.at_once


HARD_OF_HEARING = """
import pathlib, signal, sys
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
pathlib.Path(sys.argv[1]).touch()
while len(heard) < 2:
    signal.pause()
"""


def test_a_child_that_did_not_hear_is_told_again(monkeypatch, tmp_path):
    is_ready = tmp_path / "ready"
    monkeypatch.setattr(
        supervisor, "command_line", lambda _: [sys.executable, "-c", HARD_OF_HEARING, is_ready]
    )
    parent, codes = Supervisor([], 1, burst=False), []
    running = threading.Thread(target=lambda: codes.append(parent.run()), daemon=True)
    running.start()
    wait_until(is_ready.exists, "the child listens")

    parent._shutdown.stop()

    running.join(30)
    assert codes == [0]
