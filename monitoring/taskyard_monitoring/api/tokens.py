"""API tokens: how they are made, found again and revoked."""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from taskyard_monitoring.models import ApiToken

MARK = "ty_"
"""What every token begins with, so that scanners of leaked secrets can tell one."""

SHOWN = len(MARK) + 6
"""Characters by which people tell tokens apart."""

USE_IS_NOTED_EVERY = timedelta(minutes=1)


def issue(user: Any, name: str, lifetime: timedelta | None = None) -> tuple[ApiToken, str]:
    """Make a token, and return it with its text, which nobody can find out later.

    Args:
        user: on whose behalf it acts.
        name: what it is for.
        lifetime: how long it is good for; None: until it is revoked.
    """
    text = MARK + secrets.token_urlsafe(32)
    now = timezone.now()
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=text[:SHOWN],
        digest=_digest(text),
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    return token, text


def revoke(tokens: "QuerySet[ApiToken]") -> int:
    """Let tokens be good no more, and return how many were until now."""
    return tokens.filter(revoked_at=None).update(revoked_at=timezone.now())


async def find(text: str) -> ApiToken | None:
    """Return the token with this text, its user at hand; None where there is none that is good."""
    good = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    token = await ApiToken.objects.select_related("user").filter(good, digest=_digest(text)).afirst()
    return token if token is not None and token.user.is_active else None


async def note_use(token: ApiToken) -> None:
    """Remember that a token is in use; a busy one costs no write a request."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= USE_IS_NOTED_EVERY:
        await ApiToken.objects.filter(pk=token.pk).aupdate(last_used_at=now)


def _digest(text: str) -> str:
    # One round is enough: a token is 256 random bits, which nobody guesses from its digest.
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
