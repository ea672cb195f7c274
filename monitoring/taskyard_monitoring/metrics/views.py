"""The site's `/metrics`: what the database tells, and what web processes have counted."""

from django.http import HttpRequest, HttpResponse

from .access import has_token, is_token_wanted

PERMISSION = "taskyard_monitoring.view_console"

_HOW = {
    True: "Send the token of TASKYARD_MONITORING['METRICS_TOKEN'] as: Authorization: Bearer <token>.",
    False: "Set TASKYARD_MONITORING['METRICS_TOKEN'] and have Prometheus send it as: Authorization: Bearer "
    "<token>.",
}


def metrics_view(request: HttpRequest) -> HttpResponse:
    """Answer a scrape by Prometheus, or somebody who may see the console."""
    if not has_token(request.headers.get("Authorization", "")):
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            how = f"{_HOW[is_token_wanted()]} Or sign in as somebody who may see Taskyard's console."
            return _text(how, 401, {"WWW-Authenticate": "Bearer"})
        if not user.has_perm(PERMISSION):
            return _text(f"You need the permission {PERMISSION} to see metrics.", 403)
    try:
        from .exposition import exposed  # noqa: PLC0415 - the library is optional
    except ImportError:
        return _text('There are no metrics here. Run: pip install "django-taskyard[monitoring]"', 501)
    body, content_type = exposed(request.headers.get("Accept", ""))
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


def _text(text: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{text}\n", content_type="text/plain", status=status, headers=headers)
