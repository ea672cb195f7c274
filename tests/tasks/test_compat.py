"""One module alone knows which task framework is installed; all else takes the names from it."""

import ast
from pathlib import Path

import django
import pytest

import taskyard
from taskyard import compat

ROOT = Path(__file__).parents[2]
PARTS = ["tasks", "workers", "adapters", "monitoring", "project"]
THE_ONE = Path("tasks/taskyard/compat.py")
FRAMEWORKS = ("django.tasks", "django_tasks")
IMPORTERS = {"import_module", "import_string", "__import__"}

SOURCES = sorted(path.relative_to(ROOT) for part in PARTS for path in (ROOT / part).rglob("*.py"))


def _is_framework(name):
    return name in FRAMEWORKS or name.startswith(tuple(f"{each}." for each in FRAMEWORKS))


def framework_imports(source):
    """Return the framework's modules that a source imports, anywhere in it and in any way."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                found += [alias.name for alias in node.names]
            case ast.ImportFrom(module=str() as module, level=0):
                found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name),
                args=[ast.Constant(value=str() as path), *_],
            ):
                found += [path] if name in IMPORTERS else []
    return sorted({name for name in found if _is_framework(name)})


@pytest.mark.parametrize("path", [path for path in SOURCES if path != THE_ONE], ids=str)
def test_no_other_module_imports_the_task_framework(path):
    assert framework_imports((ROOT / path).read_text(encoding="utf-8")) == []


def test_the_one_module_imports_both_frameworks():
    found = framework_imports((ROOT / THE_ONE).read_text(encoding="utf-8"))

    assert {"django.tasks", "django_tasks"} <= set(found)


def test_the_parts_were_found():
    assert {path.parts[0] for path in SOURCES} >= {"tasks", "workers", "adapters"}
    assert THE_ONE in SOURCES


WAYS = [
    "import django.tasks",
    "import django.tasks.base as base",
    "from django.tasks import task",
    "from django import tasks",
    "from django.tasks.signals import task_finished",
    "import django_tasks",
    "from django_tasks.base import Task",
    "def later():\n    from django.tasks import task",
    "class A:\n    if True:\n        import django.tasks",
    "import_module('django.tasks')",
    "importlib.import_module('django_tasks.base')",
    "__import__('django.tasks')",
    "import os, django.tasks",
]


@pytest.mark.parametrize("source", WAYS)
def test_every_way_to_import_is_seen(source):
    assert framework_imports(source)


@pytest.mark.parametrize(
    "source",
    [
        "from taskyard import task",
        "from .compat import task",
        "import django",
        "from django import forms",
        "import django_tasks_extra",
        "x = 'django.tasks'",
        "from .tasks import send",
    ],
)
def test_other_imports_are_none_of_its_business(source):
    assert framework_imports(source) == []


CLASSES = [name for name in compat.__all__ if isinstance(getattr(compat, name), type)]


@pytest.mark.parametrize("name", [*CLASSES, "task"])
def test_the_names_are_of_the_framework_that_this_django_has(name):
    """On Django 6 the native one, though the backport may be installed beside it."""
    framework = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"

    assert getattr(compat, name).__module__.startswith(framework)


@pytest.mark.parametrize("name", taskyard.__all__)
def test_every_public_name_is_there(name):
    assert hasattr(taskyard, name)
