"""The rules of all origins: each names a place that is there, and says something of its own."""

import re
from collections import Counter
from pathlib import Path

import pytest

from taskyard.porting import all_origins

DOCS = Path(__file__).parents[3] / "docs"
ORIGINS = all_origins().values()


def anchors(page):
    """Return the anchors of a page's headings, as they are made from their words."""
    headings = re.findall(r"(?m)^#+ (.+)$", (DOCS / page).read_text())
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: origin.name)
def test_each_rule_names_a_section_of_its_page(origin):
    assert {rule.section for rule in origin.rules} <= anchors(origin.page)


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: origin.name)
def test_no_use_has_two_rules(origin):
    uses = Counter(use for rule in origin.rules for use in rule.uses)

    assert [use for use, count in uses.items() if count > 1] == []


def test_no_value_is_of_two_origins():
    values = Counter(value for origin in ORIGINS for value in origin.values)

    assert [value for value, count in values.items() if count > 1] == []
