"""What somebody wants to hear of."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Interest:
    """Some jobs by their ids, all of some queues, or all there are; of whatever one may see."""

    jobs: frozenset[UUID] = frozenset()
    queues: frozenset[str] = frozenset()
    everything: bool = False
    regions: frozenset[str] = frozenset()
    """Parts of the console's pages, for those who may see it."""

    @property
    def is_wide(self) -> bool:
        """Whether it reaches jobs whose ids nobody has named."""
        return self.everything or bool(self.queues)
