"""The documents say what the code does."""

import re
from pathlib import Path

from taskyard.states import TRANSITIONS

DOCS = Path(__file__).parents[1] / "docs"


def test_the_drawn_state_machine_is_the_coded_one():
    drawn = set(
        re.findall(
            r"^    (\w+) --> (\w+) : (\w+)$",
            (DOCS / "explanation" / "state-machine.md").read_text(),
            re.MULTILINE,
        )
    )

    coded = {
        (source.value, transition.target.value, event.value)
        for event, transition in TRANSITIONS.items()
        for source in transition.sources
    }
    assert drawn == coded


def test_every_event_is_explained():
    page = (DOCS / "explanation" / "state-machine.md").read_text()

    assert {event.value for event in TRANSITIONS} <= set(re.findall(r"^\| (\w+) \| ", page, re.MULTILINE))
