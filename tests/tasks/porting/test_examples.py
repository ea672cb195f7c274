"""Small projects on other queues: exactly what their comments say is found."""

import re
from collections import Counter
from pathlib import Path

import pytest

from taskyard.porting import all_origins, survey

EXAMPLES = Path(__file__).parent / "examples"
COMMENT = re.compile(r"# found: (.+)$")


def expected(folder):
    """Read the comments `# found: …`."""
    return Counter(
        (str(path.relative_to(folder)), number, words.strip())
        for path in folder.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (comment := COMMENT.search(line))
        for words in comment[1].split(",")
    )


def found(folder, *origins):
    """Look for what must change, of Python alone."""
    chosen = [all_origins()[name] for name in origins] or all_origins().values()
    return [each for each in survey([folder], chosen).findings if each.path.suffix == ".py"]


@pytest.mark.parametrize("name", sorted(all_origins()))
def test_what_is_found_is_what_is_there(name):
    folder = EXAMPLES / name.replace("-", "_")

    findings = found(folder)

    assert {each.origin for each in findings} == {name}
    assert expected(folder) == Counter(
        (
            str(each.path.relative_to(folder)),
            each.line,
            f"{'' if each.is_certain else 'perhaps '}{each.effort}",
        )
        for each in findings
    )


def test_nothing_is_found_where_nothing_is():
    assert found(EXAMPLES / "none") == []


@pytest.mark.parametrize(
    ("name", "places"),
    {
        "celery": ["Procfile:2", "Procfile:3"],
        "dramatiq": ["Procfile:1"],
        "arq": ["run.sh:2"],
        "django-q2": ["compose.yaml:3"],
        "django-tasks-db": ["worker.service:3"],
    }.items(),
)
def test_commands_are_found_where_processes_are_started(name, places):
    folder = EXAMPLES / name.replace("-", "_")

    findings = survey([folder], [all_origins()[name]]).findings

    assert [f"{each.path.name}:{each.line}" for each in findings if each.path.suffix != ".py"] == places
