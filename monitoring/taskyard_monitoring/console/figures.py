"""How figures are shown, in few digits."""

NOTHING = "\N{EN DASH}"
"""Where there is no figure."""


def shown_rate(rate: float | None) -> str:
    """Return how many of something there are a second."""
    if rate is None:
        return NOTHING
    return f"{rate:,.0f}/s" if rate >= 100 else f"{float(f'{rate:.3g}'):g}/s"


def shown_seconds(seconds: float | None) -> str:
    """Return a length of time in one unit, with three digits at most."""
    if seconds is None:
        return NOTHING
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{float(f'{seconds / size:.3g}'):g} {unit}"
    return f"{float(f'{seconds * 1000:.3g}'):g} ms" if seconds else "0 s"


def shown_ratio(ratio: float | None) -> str:
    """Return a part of a whole, given as 0 to 1, in percent."""
    return NOTHING if ratio is None else f"{ratio:.1%}"
