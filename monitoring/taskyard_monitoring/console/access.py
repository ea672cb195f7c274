"""Who may open which page: closed by default, and errors are told in the console's own shell."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import Error as DatabaseFault
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from taskyard.exceptions import NotMigrated

from . import errors
from .viewer import Level, viewer_of

View = Callable[..., Any]


def may_view(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user may see the console."""
    return viewer_of(user).may_view


def may_operate(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user may steer jobs, queues and schedules in the console."""
    return viewer_of(user).may_operate


def may_administer(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user may quiet and stop workers in the console, and read its audit."""
    return viewer_of(user).may_administer


def viewer_required(view: View) -> View:
    """Let only those in who may see the console."""
    return _guarded(view, Level.VIEW)


def operator_required(view: View) -> View:
    """Let only those in who may steer."""
    return _guarded(view, Level.OPERATE)


def administrator_required(view: View) -> View:
    """Let only those in who may administer."""
    return _guarded(view, Level.ADMINISTER)


def _guarded(view: View, level: Level) -> View:
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                refused = await sync_to_async(_refused)(request, level)
                response: HttpResponseBase = refused or await view(request, *args, **kwargs)
            except (Http404, NotMigrated, DatabaseFault) as error:
                return await sync_to_async(errors.explained)(request, error)
            return response

        return guarded_async

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response: HttpResponseBase = _refused(request, level) or view(request, *args, **kwargs)
        except (Http404, NotMigrated, DatabaseFault) as error:
            return errors.explained(request, error)
        return response

    return guarded


def _refused(request: HttpRequest, level: Level) -> HttpResponse | None:
    """Return the answer to somebody who may not see this; nothing where they may."""
    if not request.user.is_authenticated:
        return _to_login(request)
    if viewer_of(request.user).level < level:
        return errors.forbidden(request, level)
    return None


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        # Only the page as a whole can go elsewhere, not the part of it that was asked for.
        response = HttpResponse("Sign in first.", status=401, content_type="text/plain")
        response["HX-Redirect"] = resolve_url(settings.LOGIN_URL)
        return response
    return redirect_to_login(request.get_full_path())
