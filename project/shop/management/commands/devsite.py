"""`manage.py devsite`: the site and a worker, ready to click through."""

import sys
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from shop.processes import Child, leave_on_sigterm, manage, running

LOGIN = "admin"
LOOK_EVERY = 0.5


class Command(BaseCommand):
    """Run everything a developer needs until Ctrl-C."""

    help = "Migrate, create a login, and run the web server and a worker until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let the port be chosen."""
        parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")

    def handle(self, **options: Any) -> None:
        """Prepare the site, start both processes and watch over them."""
        if not settings.DEBUG:
            raise CommandError("This is for development; set SHOP_DEBUG=1 to use it.")
        call_command("migrate", verbosity=0)
        ensure_login()
        leave_on_sigterm()
        with (
            running("worker", manage("worker", "--autoreload")) as worker,
            running("web server", web_server(options["port"])) as web,
        ):
            self.stdout.write(
                f"The shop: http://127.0.0.1:{options['port']}/  "
                f"(login {LOGIN}, password {LOGIN}; Ctrl-C stops)\n"
                f"The console: http://127.0.0.1:{options['port']}/console/"
            )
            try:
                watch_over(worker, web)
            except KeyboardInterrupt:
                self.stdout.write("Stopping.")


def ensure_login() -> None:
    """Create the superuser of the development site unless there is one."""
    users = get_user_model().objects
    if not users.filter(username=LOGIN).exists():
        users.create_superuser(LOGIN, "admin@shop.example", LOGIN)


def web_server(port: int) -> list[str]:
    """Return the command line of the web server, which starts anew when code changes."""
    folder = str(settings.PROJECT)
    options = [
        "--port",
        str(port),
        "--app-dir",
        folder,
        "--reload",
        "--reload-dir",
        folder,
        "--reload-include",
        "*.html",
        # Open consoles hold their streams for minutes.
        "--timeout-graceful-shutdown",
        "2",
    ]
    return [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]


def watch_over(*children: Child) -> None:
    """Return never; raise CommandError when one of the processes ends."""
    while True:
        time.sleep(LOOK_EVERY)
        for child in children:
            if (code := child.exit_code()) is not None:
                raise CommandError(f"The {child.name} ended with code {code}; see its output above.")
