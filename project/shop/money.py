"""Money: one currency, always to the cent."""

from decimal import Decimal

CURRENCY = "EUR"
CENT = Decimal("0.01")
NOTHING = Decimal("0.00")


def to_cents(amount: Decimal | None) -> Decimal:
    """Round an amount to the cent; a sum over no rows, which databases call null, is nothing."""
    return NOTHING if amount is None else amount.quantize(CENT)


def show(amount: Decimal | None) -> str:
    """Return an amount as people read it, never broken over two lines: € 1,249.00."""
    return f"€\N{NO-BREAK SPACE}{to_cents(amount):,.2f}"
