"""`manage.py dispatcher`: the dispatcher alone, beside the one that each worker has."""

import logging
import queue
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from taskyard_workers.dispatcher import Dispatcher
from taskyard_workers.shutdown import Shutdown

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

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the dispatcher."""
        dispatcher = Dispatcher()
        if options["once"]:
            dispatcher.run_once()
            return
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
