"""The Dockerfile and what it is built from."""

import re
import tomllib

import pytest

from .reading import ROOT, copied, instructions, is_sent_to_builder

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("path", copied())
def test_what_is_copied_is_there_and_reaches_the_builder(path):
    assert (ROOT / path).exists()
    assert is_sent_to_builder(path)


def test_what_is_copied_is_all_that_reaches_it():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert sent == set(copied()) | {"compose/nginx"}


@pytest.mark.parametrize(
    "path",
    [
        *(".git/config", "compose/.env", "tests/settings.py", ".venv/bin/python", "project/var/shop.sqlite3"),
        *("tasks/taskyard/__pycache__/task.pyc", "monitoring/grafana/source/page.py", "docs/index.md"),
    ],
)
def test_what_does_not_belong_into_an_image_stays_outside(path):
    assert not is_sent_to_builder(path)


def test_its_python_is_supported():
    [version] = [
        rest.partition("=")[2] for name, rest in instructions() if name == "ARG" and "PYTHON" in rest
    ]

    assert f"Programming Language :: Python :: {version}" in PYPROJECT["project"]["classifiers"]


def test_what_it_installs_is_declared():
    [line] = [rest for name, rest in instructions() if name == "RUN" and ".[" in rest]
    [group] = re.findall(r"--group (\w+)", line)
    [extras] = re.findall(r"\.\[(.+?)\]", line)
    [constraints] = re.findall(r"--constraint (\S+)", line)

    assert group in PYPROJECT["dependency-groups"]
    assert set(extras.split(",")) <= set(PYPROJECT["project"]["optional-dependencies"])
    assert (ROOT / constraints).is_file()


def test_the_wheels_folders_are_all_there_when_it_is_built():
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert all(any(package.startswith(path) for path in copied()) for package in packages)


def test_nobody_is_root_and_nothing_builds_in_what_is_shipped():
    stages = _stages()

    for name in ("app", "web"):
        [user] = [rest for instruction, rest in stages[name] if instruction == "USER"]
        assert user.isdecimal(), "A cluster can only tell from a number that it is not root."
        assert user != "0"
        runs = " ".join(rest for instruction, rest in stages[name] if instruction == "RUN")
        assert not re.search(r"\bpip\b|apt-get|gcc", runs)


def _stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            found[rest.partition(" AS ")[2]] = []
        elif found:
            list(found.values())[-1].append((name, rest))
    return found
