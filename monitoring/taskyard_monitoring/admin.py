"""API tokens in the admin: who has which, when it was last used, and how to revoke it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from taskyard.admin.read_only import ReadOnly

from .api import tokens
from .models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):
    """Tokens to be looked at and revoked. They are made by `manage.py api_token create`, which shows them."""

    list_display = ("name", "user", "shown", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix")
    ordering = ("-pk",)
    actions = ("revoke",)

    @admin.display(description="begins with")
    def shown(self, token: ApiToken) -> str:
        """Return by what people tell it from others."""
        return f"{token.prefix}…"

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may revoke tokens."""
        return request.user.has_perm("taskyard_monitoring.revoke_apitoken")

    @admin.action(description="Revoke selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> None:
        """Let tokens be good no more."""
        count = tokens.revoke(queryset)
        self.message_user(request, "1 token is revoked." if count == 1 else f"{count:,} tokens are revoked.")
