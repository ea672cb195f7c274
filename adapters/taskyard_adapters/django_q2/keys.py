"""How a broker's keys say whose a message is, how urgent and for which queue."""

LONGEST_KEY = 100
"""What django-q2's table takes."""

RANK_DIGITS = 3


def start_of(prefix: str) -> str:
    """Return what all keys of a backend start with."""
    return f"{prefix}:q2:"


def row_key(start: str, priority: int, queue: str) -> str:
    """Return the key of a row; its rank, 000 to 200, sorts as the priorities do, the most urgent first."""
    return f"{start}{100 - priority:0{RANK_DIGITS}}:{queue}"


def list_key(start: str, level: int, queue: str) -> str:
    """Return the name of the list for one level of priority."""
    return f"{start}{level}:{queue}"
