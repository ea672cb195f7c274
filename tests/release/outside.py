"""A project that has nothing of this repository, and uses the wheel as a stranger would."""

import os
import sys
from pathlib import Path

from .running import expect, run
from .supported import Pair

SETTINGS = """
INSTALLED_APPS += ["taskyard", "taskyard_workers", {backport}"reports"]
TASKS = {{"default": {{"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend"}}}}
"""
TASKS = """
from taskyard import task

@task
def add(a, b):
    return a + b
"""
ENQUEUE = "from reports.tasks import add; print(add.enqueue(1, 2).id)"
CONSOLE_SETTINGS = """
INSTALLED_APPS += ["taskyard_monitoring", "django_htmx"]
"""
CONSOLE_URLS = """
from django.urls import include
urlpatterns += [path("console/", include("taskyard_monitoring.urls"))]
"""
OPEN_CONSOLE = """
from django.contrib.auth import get_user_model
from django.test import Client
browser = Client(headers={"host": "localhost"})
browser.force_login(get_user_model().objects.create_superuser("ada"))
places = ["", "jobs/", "queues/", "workers/", "schedules/", "engines/", "audit/", "metrics"]
print([place for place in places if browser.get(f"/console/{place}").status_code != 200])
"""
WEB_SETTINGS = """
INSTALLED_APPS += ["ninja"]
"""
WEB_URLS = """
urlpatterns += [
    path("api/", include("taskyard_monitoring.api.urls")),
    path("live/", include("taskyard_monitoring.live.urls")),
]
"""
EXPOSED = """
from taskyard_monitoring.exposing import exposed

@task
@exposed(permission=None)
def multiply(a: int, b: int) -> int:
    return a * b
"""
ASK_OVER_HTTP = """
import json, sys
from django.test import Client
caller = Client(headers={{"host": "localhost", "authorization": "Bearer {token}"}})
call = {{"task": "reports.tasks.multiply", "arguments": {{"a": 6, "b": 7}}}}
answer = caller.post("/api/jobs/", call, content_type="application/json")
assert answer.status_code == 201, answer.content
print(answer.json()["id"])
"""
LOOK = "from taskyard import get_result; print(get_result({id!r}).return_value)"


class Outside:
    """A fresh Django project in an environment of its own.

    Args:
        wheel: what is tried out.
        pair: with which Django, on which Python.
        interpreter: that Python.
        folder: an empty one.
    """

    def __init__(self, wheel: Path, pair: Pair, interpreter: Path, folder: Path) -> None:
        self._wheel = wheel
        self._pair = pair
        self._interpreter = interpreter
        self._python = folder / "venv" / "bin" / "python"
        self._site = folder / "site"

    def check(self) -> None:
        """Have a job run there; then open the console; then enqueue over HTTP.

        Raises:
            Unfit: where something does not go well.
        """
        self._begin()
        self._run_a_job()
        self._open_the_console()
        self._enqueue_over_http()

    def _begin(self) -> None:
        self._site.mkdir(parents=True)
        run(self._interpreter, "-m", "venv", "--without-pip", self._python.parents[1], cwd=self._site)
        self._install("backport" if self._pair.needs_backport else "")
        run(self._python, "-m", "django", "startproject", "outside", self._site, cwd=self._site)
        self._manage("startapp", "reports")

    def _run_a_job(self) -> None:
        backport = '"django_tasks", ' if self._pair.needs_backport else ""
        self._add("outside/settings.py", SETTINGS.format(backport=backport))
        self._add("reports/tasks.py", TASKS)
        self._manage("check")
        self._manage("migrate", "--verbosity", "0")
        job = self._shell(ENQUEUE)
        self._manage("worker", "--burst")
        value = self._shell(LOOK.format(id=job))
        expect(value == "3", f"{self._pair}: the job returned {value!r}")

    def _open_the_console(self) -> None:
        self._install("monitoring")
        self._add("outside/settings.py", CONSOLE_SETTINGS)
        self._add("outside/urls.py", CONSOLE_URLS)
        self._manage("check")
        self._manage("migrate", "--verbosity", "0")
        self._manage("findstatic", "taskyard_console/console.css", "django_htmx/htmx-2.min.js")
        closed = self._shell(OPEN_CONSOLE)
        expect(closed == "[]", f"{self._pair}: pages of the console did not open: {closed}")

    def _enqueue_over_http(self) -> None:
        self._install("web")
        self._add("outside/settings.py", WEB_SETTINGS)
        self._add("outside/urls.py", WEB_URLS)
        self._add("reports/tasks.py", EXPOSED)
        self._manage("check")
        token = self._manage("api_token", "create", "ada", "--name", "release").split()[-1]
        job = self._shell(ASK_OVER_HTTP.format(token=token))
        self._manage("worker", "--burst")
        value = self._shell(LOOK.format(id=job))
        expect(value == "42", f"{self._pair}: the job that was enqueued over HTTP returned {value!r}")

    def _install(self, extra: str) -> None:
        what = f"{self._wheel}[{extra}]" if extra else self._wheel
        pip = (sys.executable, "-m", "pip", f"--python={self._python}")
        run(*pip, "install", "--quiet", what, f"Django~={self._pair.django}.0", cwd=self._site)
        run(*pip, "check", cwd=self._site)

    def _add(self, name: str, text: str) -> None:
        with (self._site / name).open("a") as file:
            file.write(text)

    def _manage(self, *arguments: str) -> str:
        # The wheel, not the source: nothing of ours is on the path.
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return run(self._python, "-W", "error", "manage.py", *arguments, cwd=self._site, environment=alone)

    def _shell(self, script: str) -> str:
        return self._manage("shell", "--verbosity", "0", "-c", script).strip()
