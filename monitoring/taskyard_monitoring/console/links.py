"""Where lists of jobs are."""

from urllib.parse import urlencode

from django.urls import reverse


def jobs_url(text: str = "", **where: str) -> str:
    """Return the address of the list of the jobs that a search finds.

    Args:
        text: the search.
        where: what else the address says, such as after which job to go on.
    """
    query = urlencode({name: value for name, value in {"q": text, **where}.items() if value}, safe=":")
    address = reverse("taskyard:jobs")
    return f"{address}?{query}" if query else address
