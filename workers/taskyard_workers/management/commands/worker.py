"""`manage.py worker`: run jobs."""

import argparse
import logging
import os
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from taskyard.backend import JobBackend, WorkerOptions
from taskyard.compat import DEFAULT_TASK_BACKEND_ALIAS, InvalidTaskBackend, task_backends
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.routing import RoutingBackend
from taskyard_workers import exits
from taskyard_workers.code_watch import replace_on_change
from taskyard_workers.group import begin_group
from taskyard_workers.pools import use_no_pools
from taskyard_workers.serving import add_option, served
from taskyard_workers.shutdown import PARENT_PIPE
from taskyard_workers.silence import notice_silence
from taskyard_workers.supervisor import Supervisor, replace_this_process
from taskyard_workers.terminal_log import log_unless_configured

logger = logging.getLogger("taskyard_workers")

DEFAULTS = WorkerOptions()


class Command(OperatorCommand):
    """Run an engine's worker in this process, or several side by side."""

    help = "Run jobs until told to stop by SIGTERM or SIGINT (a second one stops at once)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--backend",
            default=DEFAULT_TASK_BACKEND_ALIAS,
            help="Alias in settings.TASKS (default: %(default)s).",
        )
        parser.add_argument("--queues", default="", help="Comma-separated; default: all of the backend's.")
        parser.add_argument(
            "--concurrency",
            type=_whole_number,
            default=DEFAULTS.concurrency,
            help="Jobs at once in each process (default: %(default)s).",
        )
        parser.add_argument(
            "--processes", type=_whole_number, default=1, help="Worker processes (default: %(default)s)."
        )
        parser.add_argument("--burst", action="store_true", help="Stop once nothing is waiting.")
        parser.add_argument(
            "--no-wait",
            action="store_true",
            help="Fail at once where the broker does not answer at the start, instead of waiting for it.",
        )
        parser.add_argument(
            "--grace",
            type=_seconds,
            default=DEFAULTS.grace,
            metavar="SECONDS",
            help="How long running jobs may go on after a stop signal (default: %(default)s).",
        )
        parser.add_argument("--max-jobs", type=_whole_number, help="Replace each process after so many jobs.")
        parser.add_argument(
            "--max-memory", type=_whole_number, metavar="MIB", help="Replace a process that holds more."
        )
        parser.add_argument("--name", default="", help="What operators see (default: host and process id).")
        add_option(parser)
        parser.add_argument(
            "--autoreload", action="store_true", help="For development: start anew when code changes."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the worker; does not return where it was cut off."""
        use_no_pools()
        notice_silence()
        backend = _backend(options["backend"])
        worker_options = _worker_options(backend, options)
        log_unless_configured(options["verbosity"])
        logger.info(
            "Worker for backend %r (%s), queues: %s, %d process(es) with %d slot(s) each.",
            backend.alias,
            backend.engine,
            ", ".join(worker_options.queues or sorted(backend.queues)) or "all",
            options["processes"],
            worker_options.concurrency,
        )
        if options["no_wait"]:
            _ask_for_an_answer(backend)
        group = begin_group(options["name"])
        is_child = PARENT_PIPE in os.environ
        if (options["processes"] > 1 or options["metrics"]) and not is_child:
            with served(options["metrics"], group):
                code = Supervisor(_arguments(options), options["processes"], burst=worker_options.burst).run()
        else:
            if options["autoreload"]:
                replace_on_change()
            code = _start(backend, worker_options)
        if code == exits.REPLACE:
            replace_this_process(_arguments(options))
        shown = exits.shown(code)
        logger.info("Worker stopped%s.", "" if shown == exits.CLEAN else f" with exit code {shown}")
        if not is_child:
            code = shown
        if shown == exits.CUT_OFF:
            # Threads that would not end are still here; a normal exit would wait for them.
            logging.shutdown()
            os._exit(code)
        if code:
            sys.exit(code)


def _ask_for_an_answer(backend: JobBackend) -> None:
    """Fail where the broker does not answer.

    Raises:
        CommandError: saying what the broker, or its client, said.
    """
    try:
        backend.queue_depths()
    except Exception as error:
        what = str(error) or type(error).__name__
        raise CommandError(
            f"The broker of backend {backend.alias!r} does not answer: {what} Start it or correct its "
            "address in TASKS; without --no-wait the worker waits for it."
        ) from error


def _start(backend: JobBackend, options: WorkerOptions) -> int:
    try:
        return backend.start_worker(options)
    except InvalidTaskBackend as error:  # its engine's library is missing
        raise CommandError(str(error)) from error


def _backend(alias: str) -> JobBackend:
    try:
        backend = task_backends[alias]
    except InvalidTaskBackend as error:
        known = ", ".join(task_backends) or "none"
        raise CommandError(f"--backend {alias}: {error} TASKS has: {known}.") from error
    if isinstance(backend, RoutingBackend):
        raise CommandError(
            f"--backend {alias}: it has no worker, and sends jobs to {', '.join(backend.targets)}. Start "
            "workers for those."
        )
    if not isinstance(backend, JobBackend):
        raise CommandError(
            f"--backend {alias}: {type(backend).__name__} is none of Taskyard's backends and has no worker. "
            f"Set TASKS[{alias!r}]['BACKEND'] to one, such as 'taskyard_adapters.embedded.EmbeddedBackend'."
        )
    return backend


def _worker_options(backend: JobBackend, options: dict[str, Any]) -> WorkerOptions:
    queues = tuple(name.strip() for name in options["queues"].split(",") if name.strip())
    if unknown := [name for name in queues if backend.queues and name not in backend.queues]:
        raise CommandError(
            f"--queues: backend {backend.alias!r} has no queue {', '.join(unknown)}. "
            f"TASKS names {', '.join(sorted(backend.queues))}."
        )
    return WorkerOptions(
        queues=queues,
        concurrency=options["concurrency"],
        burst=options["burst"],
        grace=options["grace"],
        max_jobs=options["max_jobs"],
        max_memory_mib=options["max_memory"],
        name=options["name"],
    )


def _arguments(options: dict[str, Any]) -> list[str]:
    """Return the command line that says the same as the parsed options."""
    arguments = ["worker"]
    for name in ("backend", "queues", "concurrency", "processes", "grace", "max_jobs", "max_memory", "name"):
        if options[name] not in {None, ""}:
            arguments += [f"--{name.replace('_', '-')}", str(options[name])]
    arguments += [f"--{name}" for name in ("burst", "autoreload") if options[name]]
    for name in ("settings", "pythonpath", "verbosity"):
        if options[name] is not None:
            arguments += [f"--{name}", str(options[name])]
    return arguments


def _whole_number(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more")
    return seconds
