"""Build the distribution and use it as a stranger would: `python -m tests.release_check`.

The wheel must hold the four packages and nothing else of this repository, and an outside Django project
must run a job with it: INSTALLED_APPS, TASKS, migrate, worker; then open the console; then enqueue over HTTP.
"""

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

import django

ROOT = Path(__file__).parents[1]
PACKAGES = {"taskyard", "taskyard_workers", "taskyard_adapters", "taskyard_monitoring"}

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


def run(*command: object, cwd: Path) -> str:
    """Run a command and return what it printed; show all of it where it fails."""
    ended = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{command} failed:\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout


def built(folder: Path) -> Path:
    """Build sdist and wheel; return the wheel."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    [wheel] = folder.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Fail unless the wheel holds what it should."""
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    unexpected = {name for name in top - PACKAGES if not name.endswith(".dist-info")}
    assert top >= PACKAGES, f"missing from the wheel: {PACKAGES - top}"
    assert not unexpected, f"does not belong into the wheel: {unexpected}"
    for package in PACKAGES:
        assert f"{package}/py.typed" in names, f"{package} is not marked as typed"
    for part in ("taskyard", "taskyard_workers", "taskyard_monitoring"):
        assert f"{part}/migrations/0001_initial.py" in names, f"{part} has no migrations"


def check_outside_project(wheel: Path, folder: Path) -> None:
    """Run a job in a project that has nothing of this repository."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    extra = "[backport]" if django.VERSION < (6, 0) else ""
    same_django = f"Django=={django.get_version()}"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}{extra}", same_django, cwd=folder)
    run(python, "-m", "pip", "check", cwd=folder)
    site = folder / "site"
    site.mkdir()
    run(python, "-m", "django", "startproject", "outside", site, cwd=folder)
    run(python, "manage.py", "startapp", "reports", cwd=site)
    backport = '"django_tasks", ' if django.VERSION < (6, 0) else ""
    with (site / "outside" / "settings.py").open("a") as settings:
        settings.write(SETTINGS.format(backport=backport))
    (site / "reports" / "tasks.py").write_text(TASKS)
    manage = (python, "-W", "error", "manage.py")
    run(*manage, "check", cwd=site)
    run(*manage, "migrate", "--verbosity", "0", cwd=site)
    job = run(*manage, "shell", "--verbosity", "0", "-c", ENQUEUE, cwd=site).strip()
    run(*manage, "worker", "--burst", cwd=site)
    value = run(*manage, "shell", "--verbosity", "0", "-c", LOOK.format(id=job), cwd=site).strip()
    assert value == "3", f"the job returned {value!r}"
    check_console(wheel, site, python)
    check_web(wheel, site, python)


def check_console(wheel: Path, site: Path, python: Path) -> None:
    """Add the console to that project and open its pages."""
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[monitoring]", cwd=site)
    for name, addition in (("settings.py", CONSOLE_SETTINGS), ("urls.py", CONSOLE_URLS)):
        with (site / "outside" / name).open("a") as file:
            file.write(addition)
    manage = (python, "-W", "error", "manage.py")
    run(*manage, "check", cwd=site)
    run(*manage, "migrate", "--verbosity", "0", cwd=site)
    run(*manage, "findstatic", "taskyard_console/console.css", "django_htmx/htmx-2.min.js", cwd=site)
    closed = run(*manage, "shell", "--verbosity", "0", "-c", OPEN_CONSOLE, cwd=site).strip()
    assert closed == "[]", f"pages of the console did not open: {closed}"


def check_web(wheel: Path, site: Path, python: Path) -> None:
    """Add the HTTP API and the live updates to that project, and have a job run over HTTP."""
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[web]", cwd=site)
    files = {"outside/settings.py": WEB_SETTINGS, "outside/urls.py": WEB_URLS, "reports/tasks.py": EXPOSED}
    for name, addition in files.items():
        with (site / name).open("a") as file:
            file.write(addition)
    manage = (python, "-W", "error", "manage.py")
    run(*manage, "check", cwd=site)
    token = run(*manage, "api_token", "create", "ada", "--name", "release", cwd=site).split()[-1]
    job = run(*manage, "shell", "--verbosity", "0", "-c", ASK_OVER_HTTP.format(token=token), cwd=site).strip()
    run(*manage, "worker", "--burst", cwd=site)
    value = run(*manage, "shell", "--verbosity", "0", "-c", LOOK.format(id=job), cwd=site).strip()
    assert value == "42", f"the job that was enqueued over HTTP returned {value!r}"


def main() -> None:
    """Build, look into the wheel, use it."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = built(Path(folder))
        check_contents(wheel)
        check_outside_project(wheel, Path(folder))
        sys.stdout.write(
            f"{wheel.name} is fit: an outside project ran a job, opened the console, and enqueued over HTTP.\n"
        )


if __name__ == "__main__":
    main()
