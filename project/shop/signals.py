"""What happens in the shop, for whoever wants to know; `shop.tasks` has jobs that do."""

from django.dispatch import Signal

note_added = Signal()
"""A colleague has written something about an order. Sent with `note`, the `OrderNote`."""
