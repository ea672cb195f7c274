"""The site's `/metrics`: who may see it, and what it says."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory

from taskyard_monitoring.conf import settings as monitoring_settings
from taskyard_monitoring.metrics import exposition
from taskyard_monitoring.metrics.gauges import DatabaseGauges
from taskyard_monitoring.metrics.processes import VARIABLE
from taskyard_monitoring.metrics.views import metrics_view
from tests.example import tasks
from tests.monitoring.metrics.scraping import Scrape

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_gauges(monkeypatch):
    monkeypatch.setattr(exposition, "_gauges", DatabaseGauges())


@pytest.fixture
def token(settings):
    settings.TASKYARD_MONITORING = {"METRICS_TOKEN": "s3cret"}
    return {"headers": {"Authorization": "Bearer s3cret"}}


def ask(user=None, **extra):
    request = RequestFactory().get("/metrics", **extra)
    request.user = user or AnonymousUser()
    return metrics_view(request)


def test_a_scrape_with_the_token_gets_all_there_is(token):
    tasks.nothing.enqueue()

    answer = ask(**token)

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    read = Scrape(answer.content.decode())
    labels = {"engine": "embedded", "queue": "default"}
    assert read.value("taskyard_jobs", state="waiting", **labels) == 1
    assert read.value("taskyard_enqueued_total", task=tasks.nothing.module_path, **labels) >= 1
    assert read.value("taskyard_database_up") == 1


def test_open_metrics_for_who_asks_for_them(token):
    token["headers"]["Accept"] = "application/openmetrics-text;version=1.0.0"

    answer = ask(**token)

    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic s3cret", "Bearer", "Bearer ", ""])
def test_without_the_token_it_is_said_what_to_send(token, header):
    answer = ask(headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert b"Send the token of TASKYARD_MONITORING['METRICS_TOKEN']" in answer.content


@pytest.mark.parametrize("header", ["Bearer ", "Bearer", "Bearer x"])
def test_where_no_token_is_set_none_will_do(header):
    answer = ask(headers={"Authorization": header})

    assert answer.status_code == 401
    assert b"Set TASKYARD_MONITORING['METRICS_TOKEN']" in answer.content


def test_people_need_the_permission():
    user = User.objects.create_user("ada")
    answer = ask(user)
    assert answer.status_code == 403
    assert b"taskyard_monitoring.view_console" in answer.content

    user.user_permissions.add(Permission.objects.get(codename="view_console"))
    assert ask(User.objects.get(pk=user.pk)).status_code == 200


def test_a_site_without_users_has_tokens_alone():
    request = RequestFactory().get("/metrics")

    assert metrics_view(request).status_code == 401


def test_web_processes_that_share_a_folder_are_summed(token, tmp_path, monkeypatch):
    script = "from prometheus_client import Counter; Counter('pages', 'Pages.').inc(2)"
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, VARIABLE: str(tmp_path)}, check=True
        )
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    read = Scrape(ask(**token).content.decode())

    assert read.value("pages_total") == 4
    assert read.value("taskyard_database_up") == 1


# --- without the library ---


def test_the_app_works_without_prometheus_client(script):
    done = script(
        "import sys\n"
        "assert 'prometheus_client' not in sys.modules, 'hidden too late'\n"
        "from django.test import RequestFactory\n"
        "from django.core.management import call_command, CommandError\n"
        "from taskyard_monitoring.metrics.views import metrics_view\n"
        "from django.conf import settings\n"
        "settings.TASKYARD_MONITORING = {'METRICS_TOKEN': 'x'}\n"
        "request = RequestFactory().get('/', headers={'Authorization': 'Bearer x'})\n"
        "answer = metrics_view(request)\n"
        "print(answer.status_code, answer.content.decode())\n"
        "from tests.example.tasks import nothing\n"
        "nothing.enqueue()\n"
        "try:\n"
        "    call_command('worker', '--metrics', '9191')\n"
        "except CommandError as error:\n"
        "    print(error)\n",
        hidden="prometheus_client",
    )

    assert done.returncode == 0, done.stderr
    assert '501 There are no metrics here. Run: pip install "django-taskyard[monitoring]"' in done.stdout
    assert '--metrics: nothing here serves them. Add "taskyard_monitoring"' in done.stdout


@pytest.fixture
def script(transactional_db, tmp_path):
    """Run a script where a library is not installed: `script(text, hidden="…")`."""
    from tests.support.processes import ROOT, environment

    def run(text, hidden):
        hide = (
            "import importlib.util, sys\n"
            "class Hidden:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name.partition('.')[0] == {hidden!r}:\n"
            "            raise ModuleNotFoundError(name)\n"
            "sys.meta_path.insert(0, Hidden())\n"
            "found = importlib.util.find_spec\n"
            f"importlib.util.find_spec = lambda name, *rest: None if name == {hidden!r} else found(name, *rest)\n"
            "import django\ndjango.setup()\n"
        )
        return subprocess.run(
            [sys.executable, "-c", hide + text],
            env=environment(tmp_path),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


# --- the settings ---


def test_settings_have_defaults(settings):
    del settings.TASKYARD_MONITORING
    assert monitoring_settings.METRICS_TOKEN == ""
    settings.TASKYARD_MONITORING = {"GRAFANA_URL": "https://grafana.example.org"}
    assert monitoring_settings.GRAFANA_URL == "https://grafana.example.org"
    assert monitoring_settings.FLOWER_URL == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"METRIC_TOKEN": "x"}, "unknown keys: METRIC_TOKEN. It may have METRICS_TOKEN"),
        ({"METRICS_TOKEN": None}, "must be a string, not NoneType"),
        ("x", "must be a dict"),
    ],
)
def test_settings_that_nobody_reads_are_told(settings, given, message):
    settings.TASKYARD_MONITORING = given

    with pytest.raises(ImproperlyConfigured, match=message):
        _ = monitoring_settings.METRICS_TOKEN
