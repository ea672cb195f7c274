"""The regions that the console's pages are made of, rendered once for each level of permission."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from taskyard_monitoring.console.viewer import Viewer
from taskyard_monitoring.snapshot import Snapshot, snapshot

from .audience import Region
from .news import News

logger = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two snapshots, which are the dearest that a look may need."""

EARLY = 0.5
"""Seconds by which a snapshot may come early, so that it goes with a look that takes place anyway."""

Regions = Mapping[str, Callable[[Snapshot, Viewer], str]]


class Drawings:
    """The regions as they were rendered last.

    Args:
        regions: returns what pages are made of, by name.
    """

    def __init__(self, regions: Callable[[], Regions]) -> None:
        self._regions = regions
        self._drawn_at = float("-inf")
        self._broken: set[str] = set()
        self.present: dict[Region, News] = {}
        """The same news as before where a region has not changed."""

    def update(self, wanted: Collection[Region], at_once: Iterable[Region]) -> dict[Region, News]:
        """Return the wanted regions, rendered anew if it is time or one is missing that is wanted at once."""
        is_due = time.monotonic() >= self._drawn_at + INTERVAL - EARLY
        if wanted and (is_due or any(region not in self.present for region in at_once)):
            self.present = self._rendered(snapshot(max_age=INTERVAL / 2), wanted)
            self._drawn_at = time.monotonic()
        else:
            self.present = {region: self.present[region] for region in wanted if region in self.present}
        return self.present

    def _rendered(self, snapshot: Snapshot, wanted: Iterable[Region]) -> dict[Region, News]:
        known = self._regions()
        drawn: dict[Region, News] = {}
        for name, viewer in wanted:
            if name not in known:
                continue
            try:
                data = {"name": name, "html": known[name](snapshot, viewer)}
                self._broken.discard(name)
            except Exception:
                if name not in self._broken:  # said once, not every time
                    logger.exception("The region %r of open pages cannot be rendered.", name)
                self._broken.add(name)
                continue
            last = self.present.get((name, viewer))
            is_same = last is not None and last.data == data
            drawn[name, viewer] = last if last and is_same else News("region", data, (name, viewer))
        return drawn
