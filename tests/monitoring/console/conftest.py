"""People of all levels in front of the console, with Django's test client or in a real browser."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support.processes import ROOT, environment
from tests.support.servers import free_port, require, stop, wait_until

LEVELS = {
    "nobody": (),
    "viewer": ("view_console",),
    "operator": ("operate_console",),
    "administrator": ("administer_console",),
}


def somebody(name):
    """Return a client signed in as somebody of that level."""
    user, _ = User.objects.get_or_create(username=name)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="taskyard_monitoring", codename__in=LEVELS[name])
    )
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def signed_in(db):
    """Sign somebody in who has these permissions: `signed_in("view_console")`."""

    def sign_in(*codenames):
        user = User.objects.create_user("ada")
        permissions = Permission.objects.filter(
            content_type__app_label="taskyard_monitoring", codename__in=codenames
        )
        assert len(permissions) == len(codenames)
        user.user_permissions.set(permissions)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def viewer(db):
    """Somebody who may look."""
    return somebody("viewer")


@pytest.fixture
def operator(db):
    """Somebody who may steer."""
    return somebody("operator")


@pytest.fixture
def administrator(db):
    """Somebody who may stop workers."""
    return somebody("administrator")


# --- a real server and a real browser ---


PATIENCE = 60_000
"""Milliseconds; the machine may have much else to do."""


class Site:
    """The site in a process of its own."""

    def __init__(self, folder, command, variables):
        self.port = free_port()
        self.visitors = []
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"site-{self.port}.log"
        self._command = [part.format(port=self.port) for part in command]
        self._environment = {
            **environment(folder),
            **variables,
            "DJANGO_SETTINGS_MODULE": "tests.monitoring.console.settings",
            "TASKYARD_TEST_LOG": "WARNING",
        }
        self.start()

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers, f"the site answers; see {self.log}", 60)

    def _answers(self):
        import urllib.request

        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.address}/static/taskyard_console/console.css", timeout=5):
                return True
        except OSError:
            return False

    def stop(self):
        stop(self.process)


UVICORN = [
    *(sys.executable, "-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--lifespan", "off"),
    *("--timeout-graceful-shutdown", "2", "tests.monitoring.console.site:application"),
]
WSGI = [sys.executable, "-m", "django", "runserver", "--noreload", "--insecure", "127.0.0.1:{port}"]


@contextmanager
def served(folder, command=UVICORN, tasks=None):
    """Serve the site for as long as the block lasts; `tasks` are backends beside those of the settings."""
    variables = {"TASKYARD_TEST_TASKS": json.dumps(tasks)} if tasks else {}
    site = Site(folder, command, variables)
    try:
        yield site
    finally:
        for visitor in site.visitors:  # who would go on asking a site that is gone
            visitor.close()
        site.stop()


@pytest.fixture
def site(transactional_db, tmp_path):
    """The site on this test's database, its static files and live updates included."""
    with served(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    program = require("chromium", "chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, which Django would take for a reason not to query.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=PATIENCE)
        yield browser
        browser.close()


SIZES = {False: {"width": 1440, "height": 900}, True: {"width": 390, "height": 844}}


@pytest.fixture
def page_of(browser, site):
    """Open a page as somebody: `page_of("operator", phone=True)`; at the end nothing may have gone wrong in it."""
    contexts, faults = [], []

    def open_page(name, *, at=None, dark=False, phone=False, expected=(), **options):
        context = browser.new_context(
            viewport=SIZES[phone],
            color_scheme="dark" if dark else "light",
            base_url=(at or site).address,
            timezone_id=options.pop("timezone_id", "America/New_York"),
            locale="en-GB",
            has_touch=phone,
            **options,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        (at or site).visitors.append(context)
        cookie = somebody(name).cookies["sessionid"]
        context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": (at or site).address}])
        page = context.new_page()

        def note(text):
            if not any(part in text for part in expected):
                faults.append(text)

        page.on("console", lambda message: message.type in ("error", "warning") and note(message.text))
        page.on("pageerror", lambda error: note(f"{error}\n{error.stack}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def check_with_axe(page):
    """Let axe find nothing that is serious or worse."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [
        f"{each['id']}: {each['help']}: {[(node['html'], node['failureSummary']) for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(serious)


def check_width(page):
    """Let nothing stick out on the right."""
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} pixels wider than the window"
