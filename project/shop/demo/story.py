"""The demo, step by step."""

import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from django.conf import settings
from django.core.files import File
from django.core.management import call_command
from django.db import connection
from rich.console import Console

from shop.models import ImportRun, Report
from shop.processes import Child, manage, running
from shop.requests import request_import, request_receipts, request_report, request_roll_up
from shop.revenue import busiest_month, next_month
from taskyard import get_result

from .broker import broker
from .errors import DemoError
from .folder import prepare
from .groups import Group
from .screen import open_screen, table_of

ORDERS = Path(__file__).parent.parent / "data" / "orders.csv"
LOOK_EVERY = 0.2


def play(folder: Path, seconds: int) -> None:
    """Play the whole demo in a folder; raise DemoError if it fails or takes too long."""
    console = Console(highlight=False, soft_wrap=True)
    prepare(folder, Path(connection.settings_dict["NAME"]))
    call_command("migrate", verbosity=0)
    with (
        broker(folder),
        running("worker", manage("worker"), log=folder / "worker.log") as worker,
    ):
        demo = Demo(console, worker, seconds)
        try:
            orders = demo.import_orders()
            report = demo.use_orders(orders)
        finally:
            console.print(table_of(demo.groups))
    demo.sum_up(orders, report)


class Demo:
    """One showing: what was asked for so far, and the worker that does it."""

    def __init__(self, console: Console, worker: Child, seconds: int) -> None:
        """Begin; all must be over after so many seconds."""
        self.console = console
        self.worker = worker
        self.seconds = seconds
        self.started = time.monotonic()
        self.groups: list[Group] = []

    def import_orders(self) -> ImportRun:
        """Import the shipped order file."""
        with ORDERS.open("rb") as file:
            orders = request_import(File(file, name=ORDERS.name), user=None)
        self.watch([Group([get_result(orders.job_id)])])
        orders.refresh_from_db()
        return orders

    def use_orders(self, orders: ImportRun) -> Report:
        """Report on the busiest month, roll its days up and send every customer a receipt."""
        month = busiest_month()
        days = [month + timedelta(days=day) for day in range((next_month(month) - month).days)]
        imported = get_result(orders.job_id).return_value
        report = request_report(month, user=None)
        self.watch(
            [
                Group([get_result(imported["notice"])]),
                Group([get_result(report.job_id)]),
                Group(request_roll_up(days)),
                Group(request_receipts(orders)),
            ]
        )
        report.refresh_from_db()
        return report

    def watch(self, groups: Sequence[Group]) -> None:
        """Show how far the groups are until all are done."""
        self.groups += groups
        with open_screen(self.console) as screen:
            while not all(group.is_finished for group in groups):
                time.sleep(LOOK_EVERY)
                self.require_worker()
                for group in groups:
                    group.look()
                    screen.show(group)
        for group in groups:
            if group.failure:
                self.give_up(group.failure)

    def require_worker(self) -> None:
        """Give up if the worker is gone or the time is up."""
        if (code := self.worker.exit_code()) is not None:
            self.give_up(f"The worker ended with code {code}.")
        if time.monotonic() - self.started > self.seconds:
            self.give_up(f"The jobs were not done after {self.seconds} seconds.")

    def give_up(self, reason: str) -> NoReturn:
        """Raise DemoError with the reason and what the worker said last."""
        raise DemoError(f"{reason} The worker's log ends:\n{self.worker.last_words()}")

    def sum_up(self, orders: ImportRun, report: Report) -> None:
        """Say where everything lies."""
        mails = len(list(settings.SHOP_MAIL_FOLDER.glob("*.eml")))
        self.console.print(
            f"Imported {orders.rows_imported:,} of {orders.rows_total:,} rows; "
            f"{orders.rows_rejected} dirty lines were reported, each with its reason.\n"
            f"Report: {report.file.path}\n"
            f"Mails:  {settings.SHOP_MAIL_FOLDER} ({mails:,} files)\n"
            f"All done in {time.monotonic() - self.started:.1f} seconds. To look around:\n"
            f"    SHOP_VAR={settings.VAR} {sys.executable} {settings.PROJECT / 'manage.py'} devsite"
        )
