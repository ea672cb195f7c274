"""Who may come in: the back office is for staff."""

from django.contrib.auth.decorators import user_passes_test

from .models.reports import Visitor


def is_staff(user: Visitor) -> bool:
    """Tell whether a visitor works here."""
    return bool(user.is_active and getattr(user, "is_staff", False))


staff_only = user_passes_test(is_staff)
