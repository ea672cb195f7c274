"""The page on which people read about the API and try it."""

import json
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .answering import answering
from .problems import Refused


async def _docs(request: HttpRequest, **_: Any) -> HttpResponse:
    """Show Swagger's page to who is signed in, its scripts and styles from this site alone."""
    user = await request.auser() if hasattr(request, "auser") else None
    if user is None or not user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if not apps.is_installed("ninja"):
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "no-docs",
            "This page needs 'ninja' in INSTALLED_APPS, whose static files it is made of.",
        )
    return await sync_to_async(render)(request, "ninja/swagger.html", _CONTEXT)


# The template writes the settings as they are, so nothing of the request may stand in them.
_SETTINGS = {"url": "openapi.json", "layout": "BaseLayout", "deepLinking": True}

_CONTEXT = {"api": {"title": "Taskyard"}, "swagger_settings": json.dumps(_SETTINGS), "add_csrf": True}

docs = answering(_docs)
