"""What Taskyard's commands for operators have in common."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from taskyard.database import explained_errors
from taskyard.exceptions import NotMigrated


class OperatorCommand(BaseCommand):
    """A command that says in one line where the jobs' database is at fault."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command.

        Raises:
            CommandError: also where the database does not answer, or has no tables of ours.
        """
        try:
            with explained_errors():
                return super().execute(*args, **options)
        except NotMigrated as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The jobs' database does not answer: {error}") from error
