"""`python -m taskyard.porting`: its output, its exit codes, its errors."""

import json
import subprocess
import sys

import pytest

from taskyard.porting.__main__ import main

TASKS = """\
from celery import shared_task


@shared_task
def charge(order_id): ...


charge.delay(7)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with files, in which one is: `project({"tasks.py": "…"})`."""
    monkeypatch.chdir(tmp_path)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text) if isinstance(text, str) else path.write_bytes(text)

    return write


@pytest.fixture
def port(capsys):
    """Run the command: `port("--from", "celery")` gives its exit code, output and errors."""

    def run(*arguments):
        code = main(list(arguments))
        return code, *capsys.readouterr()

    return run


def test_each_use_is_a_line_that_editors_can_jump_to(project, port):
    project({"shop/tasks.py": TASKS})

    code, output, errors = port()

    assert (code, errors) == (1, "")
    assert output.splitlines() == [
        "shop/tasks.py:1: from celery import shared_task → from taskyard import task, policy [mechanical]",
        "shop/tasks.py:4: @shared_task → @task [mechanical]",
        "shop/tasks.py:8: charge.delay(7) → charge.enqueue(7) [mechanical]",
        "celery: 3 mechanical. See docs/how-to/from-celery.md",
    ]


def test_what_asks_for_thought_names_its_place_on_the_page(project, port):
    project({"tasks.py": "from celery import group, shared_task\ngroup()\n"})

    _, output, _ = port()

    assert "tasks.py:2: group() → enqueue_many(task, [args, …]) [decision, from-celery.md#canvas]" in output
    assert output.endswith("celery: 1 mechanical, 1 decision. See docs/how-to/from-celery.md\n")


def test_a_project_that_has_moved_is_left_alone(project, port):
    project(
        {"shop/tasks.py": "from taskyard import task\n@task\ndef charge(): ...\n", "x.py": "charge.enqueue()"}
    )

    assert port() == (0, "Nothing is left to change.\n", "")


@pytest.mark.parametrize("source", ["from taskyard import task", "from django.tasks import task"])
def test_a_call_that_was_forgotten_is_found_where_nothing_else_is_left(project, port, source):
    project(
        {
            "shop/__init__.py": "",
            "shop/tasks.py": f"{source}\n@task\ndef charge(order_id): ...\n",
            "shop/views.py": "from .tasks import charge\ncharge.delay(7)\n",
        }
    )

    code, output, _ = port()

    assert code == 1
    assert "views.py:2: charge.delay(7) → charge.enqueue(7) [mechanical]" in output


def test_what_is_only_suspected_is_told_where_that_queue_is_in_use_or_asked_for(project, port):
    project({"views.py": "def later(call):\n    call.delay(7)\n"})

    assert port()[0] == 0
    code, output, _ = port("--from", "celery")
    assert code == 1
    assert "views.py:2: perhaps call.delay(7) → call.enqueue(7) [mechanical]" in output
    assert port("--from", "arq")[0] == 0

    project({"tasks.py": TASKS})
    assert "perhaps call.delay(7)" in port()[1]


def test_one_queue_may_be_asked_for(project, port):
    project({"tasks.py": TASKS, "actors.py": "import dramatiq\n"})

    assert {line.partition(":")[0] for line in port("--from", "dramatiq")[1].splitlines()} == {
        "actors.py",
        "dramatiq",
    }
    assert len(port()[1].splitlines()) == 3 + 1 + 2


def test_a_module_may_be_called_like_the_library(project, port):
    project(
        {
            "shop/__init__.py": "",
            "shop/celery.py": "from celery import Celery\napp = Celery()\napp.conf.beat_schedule = {}\n",
        }
    )

    for arguments in ((), ("shop",), ("shop/celery.py",)):
        assert "app.conf.beat_schedule = {} → " in port(*arguments)[1]


def test_modules_that_import_in_circles_come_to_an_end(project, port):
    project(
        {
            "shop/__init__.py": "",
            "shop/a.py": "from .b import last\nfirst = last.more\nfirst.delay(7)\n",
            "shop/b.py": "from .a import first as last\n",
            "shop/tasks.py": TASKS,
        }
    )

    assert "shop/a.py:3: perhaps first.delay(7)" in port()[1]


def test_json_is_an_object_a_line(project, port):
    project({"shop/tasks.py": TASKS})

    code, output, _ = port("--format", "json", "shop")

    assert code == 1
    assert [json.loads(line) for line in output.splitlines()][2] == {
        "path": "shop/tasks.py",
        "line": 8,
        "column": 0,
        "origin": "celery",
        "before": "charge.delay(7)",
        "after": "charge.enqueue(7)",
        "effort": "mechanical",
        "page": "how-to/from-celery.md#calls",
        "is_certain": True,
    }


def test_a_path_that_is_not_there_is_said(project, port):
    project({})

    assert port("shpo") == (2, "", "shpo: there is no such file or folder.\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:\n", "bad.py:1: this is no Python that Python "),
        (b"\x00", "bad.py"),
        (b"# coding: iso-8859-15\nx = '\xff\xfe'\ny = (", "bad.py:3"),
        (b"# coding: nonsense\n", "unknown encoding"),
        (b"x = '\xff'\n", "bad.py"),
    ],
    ids=["syntax", "null", "latin", "encoding", "bytes"],
)
def test_a_file_that_is_no_python_is_said_and_the_others_are_read(project, port, text, words):
    project({"bad.py": text, "tasks.py": TASKS})

    code, output, errors = port()

    assert code == 2
    assert words in errors
    assert "tasks.py:8: charge.delay(7)" in output


def test_a_file_that_may_not_be_read_is_said(project, port, tmp_path):
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")

    assert port() == (2, "", "gone.py: No such file or directory.\n")


def test_what_belongs_to_others_is_not_looked_into(project, port):
    project(
        {
            "env/pyvenv.cfg": "",
            "env/lib/tasks.py": TASKS,
            ".cache/tasks.py": TASKS,
            "node_modules/tasks.py": TASKS,
            "shop/migrations/0001_initial.py": TASKS,
        }
    )

    assert port()[0] == 0


def test_it_runs_without_settings_and_without_the_other_queue(project, tmp_path):
    project({"tasks.py": TASKS, "sitecustomize.py": "import sys\nsys.modules['celery'] = None\n"})

    ended = subprocess.run(
        [sys.executable, "-m", "taskyard.porting", "tasks.py"], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "charge.enqueue(7)" in ended.stdout
