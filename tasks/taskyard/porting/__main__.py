"""`python -m taskyard.porting PATH`: what must change in a project that comes from another queue."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from .findings import Effort, Finding
from .origins import all_origins
from .projects import survey
from .sources import Unreadable

NOTHING_LEFT, SOMETHING_LEFT, UNREADABLE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Look through a project and tell what was found.

    Returns:
        0 where nothing is left to change, 1 where something is, 2 where a file could not be read.
    """
    options = _parser().parse_args(arguments)
    origins = all_origins()
    chosen = [origins[name] for name in options.origins or origins]
    try:
        found = survey(options.paths, chosen, suspect_all=bool(options.origins))
    except Unreadable as fault:
        sys.stderr.write(f"{fault}\n")
        return UNREADABLE
    for line in _as_json(found.findings) if options.format == "json" else _as_text(found.findings):
        sys.stdout.write(f"{line}\n")
    for each in found.unreadable:
        sys.stderr.write(f"{each}\n")
    if found.unreadable:
        return UNREADABLE
    if found.findings:
        return SOMETHING_LEFT
    if options.format == "text":
        sys.stdout.write("Nothing is left to change.\n")
    return NOTHING_LEFT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m taskyard.porting",
        description="List what must change in a project that comes from another queue. The source is read, "
        "never run. Exit code 0: nothing is left; 1: something is; 2: a file could not be read.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        default=[Path()],
        metavar="PATH",
        help="Files and folders (default: here).",
    )
    parser.add_argument(
        "--from",
        dest="origins",
        action="append",
        choices=sorted(all_origins()),
        help="Look for this queue alone, and more closely; as often as you like.",
    )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="(default: %(default)s)")
    return parser


def _as_text(findings: Iterable[Finding]) -> Iterable[str]:
    counts: Counter[tuple[str, Effort]] = Counter()
    pages: dict[str, str] = {}
    for each in findings:
        counts[each.origin, each.effort] += 1
        pages[each.origin] = each.page.partition("#")[0]
        doubt = "" if each.is_certain else "perhaps "
        where = "" if each.effort is Effort.MECHANICAL else f", {Path(each.page).name}"
        yield f"{each.path}:{each.line}: {doubt}{each.before} → {each.after} [{each.effort}{where}]"
    for origin, page in pages.items():
        sums = ", ".join(f"{counts[origin, effort]} {effort}" for effort in Effort if counts[origin, effort])
        yield f"{origin}: {sums}. See docs/{page}"


def _as_json(findings: Iterable[Finding]) -> Iterable[str]:
    for each in findings:
        yield json.dumps(
            {**asdict(each), "path": str(each.path), "effort": each.effort.value}, ensure_ascii=False
        )


if __name__ == "__main__":
    sys.exit(main())
