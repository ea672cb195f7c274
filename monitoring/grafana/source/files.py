"""The dashboards as Grafana reads them."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from . import overview, queue, schedules, task, workers
from .page import CONSOLE_URL, RUNBOOKS_URL

FOLDER = Path(__file__).parents[1] / "dashboards"

PAGES = (overview.PAGE, queue.PAGE, task.PAGE, workers.PAGE, schedules.PAGE)


def written(console_url: str = CONSOLE_URL, runbooks_url: str = RUNBOOKS_URL) -> dict[str, str]:
    """Return the texts of all files by name."""
    return {
        f"{page.uid}.json": json.dumps(
            page.dashboard(console_url, runbooks_url), cls=JSONEncoder, indent=1, ensure_ascii=False
        )
        + "\n"
        for page in PAGES
    }
