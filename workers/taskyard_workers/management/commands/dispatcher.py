"""`manage.py dispatcher`: the dispatcher alone, beside the one that each worker has."""

import logging
import os
import queue
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from taskyard_workers.dispatcher import Dispatcher
from taskyard_workers.pools import use_no_pools
from taskyard_workers.serving import add_option, served
from taskyard_workers.shutdown import PARENT_PIPE, Shutdown
from taskyard_workers.silence import notice_silence
from taskyard_workers.supervisor import Supervisor
from taskyard_workers.terminal_log import log_unless_configured

logger = logging.getLogger("taskyard_workers")


class Command(BaseCommand):
    """Act on due jobs until told to stop."""

    help = (
        "Deliver due jobs, bring back those of dead workers and delete old ones, until stopped. Every worker "
        "does the same on a thread; run this too where workers come and go."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="Act on what is due now and return.")
        add_option(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the dispatcher."""
        use_no_pools()
        notice_silence()
        log_unless_configured(options["verbosity"])
        if options["once"]:
            Dispatcher().run_once()
        elif options["metrics"] and PARENT_PIPE not in os.environ:
            with served(options["metrics"], None):
                code = Supervisor(_arguments(options), 1, burst=False).run()
            if code:
                sys.exit(code)
        else:
            _run()


def _run() -> None:
    dispatcher = Dispatcher()
    news: queue.SimpleQueue[None] = queue.SimpleQueue()
    shutdown = Shutdown()
    shutdown.wake = lambda: news.put(None)
    with shutdown.on_signals():
        dispatcher.start()
        logger.info("Dispatcher started.")
        while not shutdown.stopping:
            news.get()
    dispatcher.stop()
    logger.info("Dispatcher stopped.")


def _arguments(options: dict[str, Any]) -> list[str]:
    """Return the command line of the process that does the work."""
    given = [(name, options[name]) for name in ("settings", "pythonpath", "verbosity")]
    return ["dispatcher", *(f"--{name}={value}" for name, value in given if value is not None)]
