"""The page of failures that others had names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "known-failures.md"
PLACES = (ROOT / "tests", ROOT / "tasks" / "taskyard" / "testing" / "conformance")


def test_each_failure_has_a_test_of_that_name():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    wanted = [re.search(r"`(\w+)` \|$", row) for row in rows]
    assert all(wanted), "a row without a test"

    sources = "\n".join(path.read_text() for place in PLACES for path in place.rglob("*.py"))
    defined = set(re.findall(r"def test_(\w+)\(", sources))

    assert {match.group(1) for match in wanted} - defined == set()
