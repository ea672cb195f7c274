"""The conformance suite's results as a page of the docs: `python -m tests.matrix PAGE RESULTS… [--check]`.

RESULTS are what `pytest --junitxml` wrote, each named after the database it ran on: `sqlite-quick.xml`. Results
of other tests among them are passed over.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

ENGINES = {
    "embedded": "embedded",
    "celery": "Celery",
    "dramatiq": "Dramatiq",
    "arq": "arq",
    "django_q2": "Django-Q2",
}
BROKERS = {"redis": "Redis", "rabbitmq": "RabbitMQ"}
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

CONFORMANCE = re.compile(r"tests\.adapters\.(\w+)\.test_conformance\.(\w+)")

PASSED, FAILED, DOES_NOT_APPLY = "✓", "✗", "·"
WORST_FIRST = [FAILED, DOES_NOT_APPLY, PASSED]

INTRODUCTION = f"""\
# What each engine has been seen to do

Written by `make conformance` from the results of the [conformance suite](../how-to/write-an-adapter.md), run with real servers
and real worker processes; not by hand. {PASSED} has passed, {FAILED} has failed, {DOES_NOT_APPLY} does not apply: there \
is no broker to be harmed.
"""


class Result(NamedTuple):
    """How one test went on one combination of an engine and what carries its messages."""

    section: str
    promise: str
    combination: str
    outcome: str


def main() -> int:
    """Write the page, or with --check tell whether it says what these results say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = page(result for path in options.results for result in read(path))
    if not options.check:
        options.page.write_text(text)
    elif text != options.page.read_text():
        sys.stderr.write(f"{options.page} is not what the tests have just shown. Run: make conformance\n")
        return 1
    return 0


def read(path: Path) -> Iterator[Result]:
    """Yield the results that pytest wrote."""
    database = DATABASES[path.stem.partition("-")[0]]
    for case in ET.parse(path).iter("testcase"):
        found = CONFORMANCE.fullmatch(case.attrib["classname"])
        if found is None:
            continue
        engine, section = found.groups()
        name, _, parameters = case.attrib["name"].partition("[")
        carriers = [BROKERS[part] for part in re.split(r"[-\]]", parameters) if part in BROKERS]
        if engine == "arq":
            carriers = [BROKERS["redis"]]
        faults = {child.tag for child in case}
        yield Result(
            " ".join(re.findall("[A-Z][a-z]+", section)[1:]).capitalize(),
            name.removeprefix("test_").replace("_", " "),
            f"{ENGINES[engine]} {carriers[0] if carriers else database}",
            FAILED if faults & {"failure", "error"} else DOES_NOT_APPLY if "skipped" in faults else PASSED,
        )


def page(results: Iterable[Result]) -> str:
    """Return the page: a table for each section, a line for each promise, a column for each combination."""
    outcomes: dict[str, dict[str, dict[str, str]]] = {}
    for section, promise, combination, outcome in results:
        line = outcomes.setdefault(section, {}).setdefault(promise, {})
        line[combination] = min(line.get(combination, PASSED), outcome, key=WORST_FIRST.index)
    columns = sorted(
        {column for lines in outcomes.values() for line in lines.values() for column in line}, key=_rank
    )
    parts = [INTRODUCTION]
    for section in sorted(outcomes):
        parts += [f"\n## {section}\n\n", _row(["", *columns]), _row(["---", *[":-:"] * len(columns)])]
        parts += [
            _row([promise, *(line.get(column, "") for column in columns)])
            for promise, line in sorted(outcomes[section].items())
        ]
    return "".join(parts)


def _rank(column: str) -> tuple[int, str]:
    engine = next(name for name in ENGINES.values() if column.startswith(name))
    return list(ENGINES.values()).index(engine), column


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(main())
