"""The site is built without a warning, and what its pages name is there."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from taskyard.backend import BackendOptions

from .pages import DOCS
from .project import PARTS, ROOT

PACKAGES = [
    part / name for part in PARTS[1:] for name in ("taskyard", "taskyard_workers", "taskyard_adapters")
]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Build the site."""
    pytest.importorskip("sphinx", reason="sphinx is missing; install it with: pip install --group docs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-n",
            "-q",
            "-b",
            "html",
            str(DOCS),
            str(folder),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_it_is_built_without_a_warning(site):
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}

    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}


@pytest.mark.slow
def test_the_reference_has_what_the_code_has(site):
    from taskyard import __all__ as names

    api = (site / "reference" / "python-api.html").read_text()
    assert {name for name in names if f'id="taskyard.{name}"' not in api} <= {"policy", *_others(api)}
    assert "--max-memory" in (site / "reference" / "commands.html").read_text()
    assert "taskyard.E001" in (site / "reference" / "checks.html").read_text()


def _others(api: str) -> set[str]:
    """Django's own names, and the signals, which have a page: neither is documented as ours."""
    import taskyard
    from taskyard import signals

    return {name for name in taskyard.__all__ if name in signals.__all__} | {
        name
        for name in taskyard.__all__
        if not str(getattr(getattr(taskyard, name), "__module__", "")).startswith("taskyard")
    }


def _option_classes() -> set[str]:
    found = set()
    for path in (path for package in PACKAGES for path in package.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and any(isinstance(part, ast.AnnAssign) for part in node.body):
                if not node.name.endswith("Options"):
                    continue
                part = next(part for part in PARTS[1:] if path.is_relative_to(part))
                module = ".".join(path.relative_to(part).with_suffix("").parts)
                if issubclass(getattr(import_module(module), node.name), BackendOptions):
                    found.add(f"{module}.{node.name}")
    return found


def test_every_engines_options_are_on_the_page_of_settings():
    page = (DOCS / "reference" / "settings.md").read_text()

    assert _option_classes() <= set(re.findall(r"\{taskyard\} options (\S+)", page))


def test_every_guarantee_names_tests_that_are_there():
    page = (DOCS / "explanation" / "guarantees.md").read_text()
    held_by = re.findall(r"(?s)Held by(.*?)(?=\n\n)", page)
    named = {name for words in held_by for name in re.findall(r"`(\w+)`", words)}

    places = (ROOT / "tests", ROOT / "tasks" / "taskyard" / "testing" / "conformance")
    sources = "\n".join(path.read_text() for place in places for path in place.rglob("*.py"))
    assert len(held_by) >= page.count("\n## ") - 1  # all but what is not promised
    assert named - set(re.findall(r"def test_(\w+)\(", sources)) == set()
