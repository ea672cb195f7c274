"""Match the uses of a file with an origin's rules."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from .findings import Finding
from .names import UNKNOWN
from .reading import Use
from .rules import Origin, Rule, expression

LONGEST_CODE = 72
"""Characters of a project's code that are shown."""


def certain(path: Path, uses: Iterable[Use], origin: Origin) -> Iterator[Finding]:
    """Yield what surely comes from there."""
    for use in uses:
        words = use.words.replace("taskyard:task", origin.task) if origin.task else use.words
        if rule := _rule_that_fits(origin, words):
            yield _finding(path, use, rule, origin, is_certain=True)


def suspected(path: Path, uses: Iterable[Use], origin: Origin) -> Iterator[Finding]:
    """Yield what may come from there, as its name says and nothing speaks against it."""
    for use in uses:
        if use.words.startswith(UNKNOWN) and (rule := _rule_that_may_fit(origin, use.words)):
            yield _finding(path, use, rule, origin, is_certain=use.is_handed_on)


@cache
def _rule_that_fits(origin: Origin, words: str) -> Rule | None:
    # Nearly all uses are of something else: one look tells.
    if not expression(_patterns(origin)).fullmatch(words):
        return None
    return next(rule for rule in origin.rules if rule.fits(words))


@cache
def _patterns(origin: Origin) -> tuple[str, ...]:
    return tuple(pattern for rule in origin.rules for pattern in rule.uses)


@cache
def _rule_that_may_fit(origin: Origin, words: str) -> Rule | None:
    return next((rule for rule in origin.rules if rule.may_fit(words)), None)


def _finding(path: Path, use: Use, rule: Rule, origin: Origin, *, is_certain: bool) -> Finding:
    return Finding(
        path=path,
        line=use.line,
        column=use.column,
        origin=origin.name,
        before=_shortened(use.code),
        after=_shortened(
            _filled(rule.after, use.source, use.words, origin)
            if isinstance(use.source, ast.Call)
            else rule.after
        ),
        effort=rule.effort,
        page=f"{origin.page}#{rule.section}",
        is_certain=is_certain,
    )


def _filled(after: str, call: ast.Call, words: str, origin: Origin) -> str:
    """Put the call's own words into a rule's text, but for arguments that have rules of their own."""

    def is_the_tasks(keyword: ast.keyword) -> bool:
        option = f"{words.removesuffix('()')}({keyword.arg}=)"
        return not any(rule.fits(option) or rule.may_fit(option) for rule in origin.rules)

    arguments = [*map(ast.unparse, call.args), *map(ast.unparse, filter(is_the_tasks, call.keywords))]
    first = arguments[0] if arguments else "task"
    on = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    filled = {
        "{on}": on,
        "{args}": ", ".join(arguments),
        "{first}": first.strip("'\"").rpartition(".")[2],
        "{rest}": ", ".join(arguments[1:]),
    }
    for place, text in filled.items():
        after = after.replace(place, text)
    return after


def _shortened(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= LONGEST_CODE else line[: LONGEST_CODE - 1] + "…"
