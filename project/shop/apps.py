"""The shop as a Django application."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Larch & Linen's back office."""

    name = "shop"
    verbose_name = "Larch & Linen"
