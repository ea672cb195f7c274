"""What ends a worker process."""

import logging
import threading

from taskyard_workers.shutdown import Shutdown


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
