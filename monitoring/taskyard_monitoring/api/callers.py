"""Who calls: found by a token or by Django's session, with what they may do and see."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings as site
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from taskyard.operating.audit import API, Operator
from taskyard.ownership import owner_key
from taskyard_monitoring.conf import settings
from taskyard_monitoring.console.viewer import PERMISSIONS, Level, Viewer, viewer_of
from taskyard_monitoring.scope import Scope, scope_of

from . import tokens
from .problems import forbidden, unauthorized
from .throttling import spend


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has sent a request."""

    user: Any
    key: str
    """By which their requests are counted."""

    viewer: Viewer
    scope: Scope
    """The jobs they may see."""

    @property
    def owner(self) -> str:
        """Their key on the jobs that are theirs."""
        return owner_key(self.user.pk)

    def operator(self, reason: str = "") -> Operator:
        """Return them as the audit knows them."""
        return Operator(self.user.get_username(), API, reason)

    def must(self, level: Level) -> None:
        """Refuse them where they may not do what people of a level may.

        Raises:
            Refused: naming the permission they lack.
        """
        if self.viewer.level < level:
            raise forbidden(f"You need the permission {PERMISSIONS[level]}.")


def caller_of(request: HttpRequest) -> Caller:
    """Return who has sent a request."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


class TokenAuth(AuthBase):
    """`Authorization: Bearer …` with a token of `manage.py api_token create`."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "A token, made by `manage.py api_token create`."

    async def __call__(self, request: HttpRequest) -> Caller | None:
        """Return who calls, None where nothing is said of a token.

        Raises:
            Refused: for a token that is not, or no longer, good.
        """
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = await tokens.find(text.strip())
        if token is None:
            await _count(_address(request))
            raise unauthorized(
                "This token is not good, or not any more. Ask for another: manage.py api_token create.",
                'error="invalid_token"',
            )
        await tokens.note_use(token)
        request.user = token.user
        return await _admitted(token.user, f"token {token.pk}")


class SessionAuth(AuthBase):
    """Django's session, as browsers bring it; what changes something needs its CSRF token as well."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = site.SESSION_COOKIE_NAME
    openapi_description = "Django's session. Unsafe methods need the CSRF token as `X-CSRFToken`, too."

    async def __call__(self, request: HttpRequest) -> Caller:
        """Return who is signed in.

        Raises:
            AuthenticationError: where nobody is.
            Refused: where the CSRF token is missing or wrong.
        """
        user = await request.auser() if hasattr(request, "auser") else None
        if user is None or not (user.is_authenticated and user.is_active):
            await _count(_address(request))
            raise AuthenticationError
        if await sync_to_async(check_csrf)(request) is not None:
            raise forbidden(
                "The CSRF token is missing or wrong. Send its cookie's value as X-CSRFToken, or use a token."
            )
        return await _admitted(user, f"user {user.pk}")


async def _admitted(user: Any, key: str) -> Caller:
    await _count(key)
    viewer, scope = await sync_to_async(_rights)(user)
    return Caller(user, key, viewer, scope)


def _rights(user: Any) -> tuple[Viewer, Scope]:
    return viewer_of(user), scope_of(user)


async def _count(key: str) -> None:
    await spend("API_RATE", settings.API_RATE, key)


def _address(request: HttpRequest) -> str:
    return f"address {request.META.get('REMOTE_ADDR', '')}"
