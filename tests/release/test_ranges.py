"""The ranges that the distribution states, and the ends of them that the tests run with."""

import re
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from .supported import ROOT, pairs, project


def _requirements():
    stated = chain(project()["dependencies"], *project()["optional-dependencies"].values())
    return [found for found in map(Requirement, stated) if found.name != project()["name"]]


def _pins(name):
    lines = (ROOT / "constraints" / name).read_text().splitlines()
    return {
        canonicalize_name(match[1]): Version(match[2])
        for line in lines
        if (match := re.match(r"([\w.-]+)==([^;\s]+)", line))
    }


def test_each_range_begins_with_what_the_tests_run_with():
    beginnings = {
        canonicalize_name(requirement.name): Version(part.version)
        for requirement in _requirements()
        for part in requirement.specifier
        if part.operator == ">="
    }
    pins = _pins("lower.txt")

    assert beginnings.keys() == {canonicalize_name(each.name) for each in _requirements()}
    assert {name: pins.get(name) for name in beginnings} == beginnings


def test_each_range_holds_the_newest_that_the_tests_run_with():
    newest = _pins("upper.txt") | _pins("together.txt") | _pins("newest.txt")

    outside = [
        f"{requirement} does not hold {version}"
        for requirement in _requirements()
        if not requirement.specifier.contains(version := newest[canonicalize_name(requirement.name)])
    ]

    assert outside == []


def test_every_python_that_is_named_has_a_django_and_the_other_way_round():
    classifiers = project()["classifiers"]

    named = {
        text.rpartition(" ")[2] for text in classifiers if re.search(r"(Python|Django) :: \d+\.\d+", text)
    }

    assert {part for pair in pairs() for part in pair} == named
    assert project()["requires-python"] == f">={min((pair.python for pair in pairs()), key=Version)}"
