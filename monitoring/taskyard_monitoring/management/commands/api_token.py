"""`manage.py api_token`: make, list and revoke the tokens by which programs call the HTTP API."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from taskyard.operating.presenting import age
from taskyard.operating.terminal.screen import plain, screen, state, table
from taskyard_monitoring.api import tokens
from taskyard_monitoring.models import ApiToken

LONGEST_LIFE = 3_650
"""Days."""


class Command(BaseCommand):
    """Make, list and revoke API tokens."""

    help = "Make, list and revoke the tokens by which programs call the HTTP API."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands and their options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        creating = actions.add_parser("create", help="Make a token, and show it this once.")
        creating.add_argument("user", metavar="USER", help="On whose behalf it acts: a user's name.")
        creating.add_argument("--name", required=True, help="What it is for.")
        creating.add_argument("--days", type=int, help="Days for which it is good (default: until revoked).")
        listing = actions.add_parser("list", help="List the tokens; not what they are, which nobody knows.")
        listing.add_argument("user", metavar="USER", nargs="?", help="Only this user's.")
        revoking = actions.add_parser("revoke", help="Let a token be good no more.")
        revoking.add_argument("prefix", metavar="BEGINNING", help="How it begins, as the list shows it.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what was asked."""
        match options["action"]:
            case "create":
                self._create(options["user"], options["name"].strip(), options["days"])
            case "list":
                self._list(options)
            case "revoke":
                self._revoke(options["prefix"].rstrip("…"))

    def _create(self, username: str, name: str, days: int | None) -> None:
        longest: Any = ApiToken._meta.get_field("name").max_length
        if not 0 < len(name) <= longest:
            raise CommandError(f"--name: give 1 to {longest} characters that say what the token is for.")
        if days is not None and not 0 < days <= LONGEST_LIFE:
            raise CommandError(f"--days: give 1 to {LONGEST_LIFE}, not {days}.")
        _, text = tokens.issue(_user(username), name, None if days is None else timedelta(days=days))
        self.stderr.write("This token is shown this once. Keep it as you keep a password.")
        self.stdout.write(text)

    def _list(self, options: dict[str, Any]) -> None:
        found = ApiToken.objects.select_related("user").order_by("pk")
        if options["user"] is not None:
            found = found.filter(user=_user(options["user"]))
        rows = table("Begins with", "User", "Name", "State", "Made", "Last used", "Expires", right=())
        for token in found.iterator(chunk_size=500):
            rows.add_row(
                f"{token.prefix}…",
                plain(token.user.get_username()),
                plain(token.name),
                state(_state(token)),
                age(token.created_at),
                age(token.last_used_at) or "never",
                age(token.expires_at) or "never",
            )
        screen(self.stdout, options).print(rows)

    def _revoke(self, prefix: str) -> None:
        found = list(ApiToken.objects.filter(prefix=prefix)[:2])
        if len(found) != 1:
            raise CommandError(
                f"No token begins with {prefix!r}. See: manage.py api_token list"
                if not found
                else f"Several tokens begin with {prefix!r}. Revoke the right one in the admin."
            )
        if not tokens.revoke(ApiToken.objects.filter(pk=found[0].pk)):
            raise CommandError(f"{prefix}… was revoked {age(found[0].revoked_at)}.")
        self.stdout.write(f"{prefix}… is revoked.")


def _user(username: str) -> Any:
    users = get_user_model()
    found = users.objects.filter(**{users.USERNAME_FIELD: username}).first()
    if found is None:
        raise CommandError(f"There is no user {username!r}.")
    return found


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return "expired"
    return "good" if token.user.is_active else "user is inactive"
