"""The scratch project in which a page's code runs."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TextIO

from taskyard.waiting import wait_until

from .blocks import agrees

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PARTS = [ROOT, *(ROOT / part for part in ("tasks", "workers", "adapters", "monitoring"))]

TASKYARD = """
INSTALLED_APPS += [
    "taskyard",
    "taskyard_workers",
    "taskyard_monitoring",
    "django_htmx",
    "ninja",
]
# The sites of `startproject` write their mail to the terminal, which `check --deploy` refuses.
SILENCED_SYSTEM_CHECKS = ["mail.E001"]
TASKS = {
    "default": {
        "BACKEND": "taskyard_adapters.embedded.EmbeddedBackend",
        "QUEUES": ["default", "mail", "reports"],
    },
}
"""
"""What a page's project has beside what Django makes, unless the page begins with an empty one."""

SPLICE = '''

def _there(*names):
    """Put what a setting was in place of `...` in its new value."""
    for name in names:
        new, old = globals()[name], _before.get(name, [])
        if isinstance(new, list) and ... in new:
            place = new.index(...)
            globals()[name] = new[:place] + [each for each in old if each not in new] + new[place + 1:]
'''

GROWING = {"settings.py": "mysite/settings.py", "urls.py": "mysite/urls.py"}
"""The files to which a page's blocks add, where they stand in a project."""

GO_ON = {"worker", "dispatcher"}
"""The commands that end when they are told to."""

INTERPRETER = [sys.executable, "-m", "tests.docs.interpreter"]

NEEDS_A_RESTART = {"mysite/settings.py", "mysite/urls.py", "shop/models.py", "shop/apps.py"}


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a page's processes: the tests' Python first in the path, then stand-ins."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TASKYARD_", "PYTEST_"))
    }
    return kept | {
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": os.pathsep.join(map(str, PARTS)),
        "PATH": os.pathsep.join(
            [str(HERE / "stand-ins"), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "PYTHON": sys.executable,
        # A page may write a module twice in a second, which Python would not notice.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "" if _is_installed() else "-p taskyard.pytest_plugin",
        "COLUMNS": "120",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


def _is_installed() -> bool:
    return any(point.value == "taskyard.pytest_plugin" for point in entry_points(group="pytest11"))


def make_template(folder: Path, kind: str) -> None:
    """Make a project as a page finds it: `empty`, `shop` with Taskyard in it, or `busy` with jobs."""
    folder.mkdir()
    run = [sys.executable, "-W", "error", "-m", "django"]
    bare = {**environment(folder), "DJANGO_SETTINGS_MODULE": ""}
    subprocess.run([*run, "startproject", "mysite", "."], cwd=folder, env=bare, check=True)
    settings = folder / "mysite" / "settings.py"
    # Relative to the folder of the page whose process it is.
    written = settings.read_text().replace("BASE_DIR / 'db.sqlite3'", "'db.sqlite3'")
    written += 'INSTALLED_APPS += ["shop"]\n'
    if kind == "empty":
        (folder / "shop").mkdir()
        (folder / "shop" / "__init__.py").touch()
    else:
        shutil.copytree(HERE / "shop", folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        written += TASKYARD
    (folder / "shop" / "tasks.py").touch()
    settings.write_text(written)
    if kind != "empty":
        inside: dict[str, Any] = {"cwd": folder, "env": environment(folder)}
        subprocess.run([*run, "migrate", "--run-syncdb", "--verbosity=0"], check=True, **inside)
        if kind == "busy":
            subprocess.run([sys.executable, "-m", "tests.docs.busy"], check=True, **inside)


class Failed(AssertionError):
    """A block does not do what its page says."""


class Project:
    """One page's project: its files, the process that runs its Python, and what it has started."""

    def __init__(self, folder: Path, addresses: dict[str, str], nursery: "Nursery") -> None:
        self.folder = folder
        self._addresses = addresses
        self._nursery = nursery
        self._settings_are_usual = self._is_loaded = True
        self._interpreter: tuple[TextIO, TextIO] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *_: object) -> None:
        for _line, process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        self._close_interpreter()

    def end(self) -> None:
        """Stop what goes on in the background, as Ctrl-C or a service manager does.

        Raises:
            Failed: where something did not end well.
        """
        for _line, process in self._started:
            if process.poll() is None:
                process.terminate()
        for line, process in self._started:
            if (code := process.wait(60)) not in {0, -signal.SIGTERM}:
                raise Failed(f"`{line}` ended with {code} after SIGTERM")

    def real(self, text: str) -> str:
        """Put the servers' real addresses in place of those that the page names."""
        for written, address in self._addresses.items():
            text = text.replace(written, address)
        return text

    def write(self, name: str, source: str) -> None:
        """Write a file of the page's, or add to one that grows."""
        source = self.real(source)
        path = GROWING.get(name, name)
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if name in GROWING:
            names = sorted(set(re.findall(r"(?m)^([A-Z_]+) = ", source)))
            before = f"\n_before = {{n: globals().get(n, []) for n in {names!r}}}\n"
            after = f"{SPLICE}_there(*{names!r})\n"
            file.write_text(file.read_text() + before + source + after)
        else:
            file.write_text(source)
            for folder in [*file.relative_to(self.folder).parents][:-1]:
                (self.folder / folder / "__init__.py").touch()
        if path in NEEDS_A_RESTART:
            self._settings_are_usual, self._is_loaded = False, False
            self._close_interpreter()
        elif self._interpreter is not None and not file.name.startswith("test"):
            self._ask(do="reload", module=path.removesuffix(".py").replace("/", "."))

    def load(self) -> None:
        """Load what the page has written last, as the site would at its start, with its addresses.

        Raises:
            Failed: where Django refuses it.
        """
        if not self._is_loaded:
            code, output = self.command("python manage.py check")
            if code:
                raise Failed(f"`manage.py check` after the page's last settings: {output}")

    def run(self, source: str, name: str, line: int) -> str:
        """Run Python and return what it wrote.

        Raises:
            Failed: with its traceback.
        """
        return self._ask(do="run", source=self.real(source), name=name, line=line)["output"]

    def command(self, line: str, answers: str = "") -> tuple[int, str]:
        """Run a command line and return its exit code and what it wrote."""
        arguments = _managed(self.real(line))
        if arguments and arguments[0] in GO_ON and not {"--burst", "--once"} & set(arguments):
            return self._begin_and_end(line)
        if arguments is not None and not answers:
            answer = self._ask(do="manage", arguments=arguments)
            return answer["code"], answer["output"]
        keyboard, stdin = os.openpty()
        os.write(keyboard, f"{answers}\n".encode())
        try:
            done = subprocess.run(
                ["bash", "-ec", self.real(line)],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=stdin if answers else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            os.close(keyboard)
            os.close(stdin)
        return done.returncode, done.stdout

    def start(self, line: str, expected: str) -> None:
        """Start a command that goes on, and wait until it has written what the page shows."""
        log, process = self._start(line)
        self._wait(line, process, log, lambda: agrees(f"{expected}\n...", log.read_text()))

    def _begin_and_end(self, line: str) -> tuple[int, str]:
        """Tell a command that goes on to stop as soon as it works."""
        log, process = self._start(line)
        self._wait(line, process, log, lambda: _catches_sigterm(process.pid))
        process.terminate()
        code = process.wait(60)
        self._started.remove((line, process))
        return code, log.read_text()

    def _start(self, line: str) -> tuple[Path, "subprocess.Popen[bytes]"]:
        log = self.folder / f".log-{len(self._started)}"
        with log.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self.real(line)}"],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._started.append((line, process))

        return log, process

    def _wait(
        self, line: str, process: "subprocess.Popen[bytes]", log: Path, condition: Callable[[], bool]
    ) -> None:
        def is_ready() -> bool:
            if process.poll() is not None:
                raise Failed(f"`{line}` ended with {process.returncode}:\n{log.read_text()}")
            return condition()

        try:
            wait_until(is_ready, f"`{line}` is ready", 90)
        except Failed:
            raise
        except Exception as late:
            raise Failed(f"{late}\nIt wrote:\n{log.read_text()}") from late

    def _ask(self, **request: Any) -> dict[str, Any]:
        asked, answered = self._interpreter or self._open_interpreter()
        try:
            asked.write(json.dumps(request) + "\n")
            asked.flush()
            line = answered.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failed(f"the project does not start:\n{(self.folder / '.stderr').read_text()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        if answer["error"]:
            raise Failed(f"{answer['output']}{answer['error']}")
        return answer

    def _open_interpreter(self) -> tuple[TextIO, TextIO]:
        its_requests, requests = os.pipe()
        answers, its_answers = os.pipe()
        with (self.folder / ".stderr").open("wb") as errors:
            handles = (its_requests, its_answers, errors.fileno())
            if self._settings_are_usual:
                self._nursery.fork(self.folder, handles)
            else:
                self._process = subprocess.Popen(  # it ends when its requests do
                    INTERPRETER,
                    cwd=self.folder,
                    env=environment(self.folder),
                    stdin=its_requests,
                    stdout=its_answers,
                    stderr=errors,
                )
        os.close(its_requests)
        os.close(its_answers)
        self._interpreter = os.fdopen(requests, "w"), os.fdopen(answers)
        return self._interpreter

    def _close_interpreter(self) -> None:
        if self._interpreter is not None:
            requests, answers = self._interpreter
            with suppress(BrokenPipeError):
                requests.close()
            answers.read()  # to its end
            answers.close()
            self._interpreter = None
        if self._process is not None:
            self._process.wait(30)
            self._process = None


class Nursery:
    """A process with a usual project set up, from which each page's is forked: a start takes a second."""

    def __init__(self, template: Path) -> None:
        ours, its = socket.socketpair()
        self._calls = ours
        with its:
            self._process = subprocess.Popen(
                [*INTERPRETER, "--nursery", str(its.fileno())],
                cwd=template,
                env=environment(template),
                stdin=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
            )

    def fork(self, folder: Path, handles: Sequence[int]) -> None:
        """Start a page's process in its folder, with these as its standard input, output and error."""
        socket.send_fds(self._calls, [str(folder).encode()], list(handles))

    def close(self) -> None:
        """End it."""
        self._calls.close()
        self._process.wait(10)


def _catches_sigterm(pid: int) -> bool:
    """Tell whether a process has begun to listen to who would stop it in order."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return caught is not None and bool(int(caught[1], 16) & 1 << (signal.SIGTERM - 1))


def _managed(line: str) -> list[str] | None:
    """Return a management command's arguments, or None where the line is more than such a command."""
    line = line.replace("\\\n", " ").strip()
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    if any(special in line for special in "$`\n"):
        return None
    words = list(lexer)
    if words[:2] != ["python", "manage.py"] or any(set(word) <= set("|&;<>()") for word in words if word):
        return None
    return words[2:]
