"""Go through a project: read its files, and match what is there with the rules."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .findings import Finding
from .matching import certain, suspected
from .names import TASKYARD_VALUES, Names
from .reading import Reader, Use
from .rules import Origin
from .sources import Unreadable, command_files, module_names, python_files, syntax_of


@dataclass(frozen=True, slots=True)
class Survey:
    """What came of going through a project."""

    findings: list[Finding]
    """In the order of the files."""

    unreadable: list[Unreadable]
    """Files that are no Python; the findings lack what is in them."""


def survey(paths: Iterable[Path], origins: Iterable[Origin], *, suspect_all: bool = False) -> Survey:
    """Go through a project.

    Args:
        paths: files and folders.
        origins: what to look for.
        suspect_all: also list what only has the name of a method of an origin's, where nothing else is to be
            seen of that origin.

    Raises:
        Unreadable: one of the paths is not there.
    """
    roots, origins = list(paths), list(origins)
    trees, unreadable = _trees(roots)
    uses = {**_uses_of_python(trees, roots, origins), **_uses_of_commands(roots)}
    findings: list[Finding] = []
    for origin in origins:
        sure = [each for path, there in uses.items() for each in certain(path, there, origin)]
        findings += sure
        if sure or suspect_all:
            findings += [each for path, there in uses.items() for each in suspected(path, there, origin)]
    return Survey(_once_a_line(findings), unreadable)


def _once_a_line(findings: Iterable[Finding]) -> list[Finding]:
    """Leave out what would be said twice of one line, such as of each of several signatures."""
    kept = {(each.path, each.line, each.origin, each.after): each for each in sorted(findings, reverse=True)}
    return sorted(kept.values())


def _trees(roots: list[Path]) -> tuple[dict[Path, ast.Module], list[Unreadable]]:
    trees, unreadable = {}, []
    for path in python_files(roots):
        try:
            trees[path] = syntax_of(path)
        except Unreadable as fault:
            unreadable.append(fault)
    return trees, unreadable


def _uses_of_python(
    trees: dict[Path, ast.Module], roots: list[Path], origins: list[Origin]
) -> dict[Path, list[Use]]:
    values = dict(TASKYARD_VALUES)
    for origin in origins:
        values.update(origin.values)
    names = Names(values)
    # For the names of each module, again for names that come from modules read later; then for the uses.
    for _ in range(2):
        _read(trees, roots, names)
    return _read(trees, roots, names)


def _read(trees: dict[Path, ast.Module], roots: list[Path], names: Names) -> dict[Path, list[Use]]:
    uses = {}
    for path, tree in trees.items():
        module, *others = dict.fromkeys(module_names(path, roots))
        reader = Reader(module, names, is_package=path.stem == "__init__")
        reader.visit(tree)
        for other in others:
            names.modules[other] = names.modules[module]
        uses[path] = reader.uses
    return uses


def _uses_of_commands(roots: list[Path]) -> dict[Path, list[Use]]:
    uses: dict[Path, list[Use]] = {}
    for path in command_files(roots):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if not line.lstrip().startswith("#"):
                words = " ".join(re.split(r'[\s",\[\]]+', line)).strip()
                uses.setdefault(path, []).append(Use(f"$ {words}", number, 0, words))
    return uses
