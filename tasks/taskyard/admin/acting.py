"""Who acts in the admin."""

from django.http import HttpRequest

from taskyard.operating.audit import ADMIN, Operator


def operator_of(request: HttpRequest) -> Operator:
    """Return who sends a request, with the reason where its form asked for one."""
    return Operator(request.user.get_username(), ADMIN, request.POST.get("reason", "").strip())
