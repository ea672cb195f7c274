"""OPTIONS, system checks and missing libraries: said in words."""

import ssl
import sys

import pytest
from django.test import override_settings
from kombu import Queue

from taskyard.backend import WorkerOptions
from taskyard.compat import InvalidTaskBackend, task_backends
from taskyard_adapters.celery.app import app_of
from taskyard_adapters.celery.checks import check_broker, check_redis_library, check_site_app
from taskyard_adapters.celery.options import CeleryOptions
from tests.adapters.celery.conftest import BACKEND

URL = "redis://localhost:1/0"
SITE = "tests.adapters.celery.site.app"
UNSAFE = "tests.adapters.celery.site.unsafe_app"


def backend_with(**options):
    with override_settings(TASKS={"mine": {"BACKEND": BACKEND, "OPTIONS": options}}):
        return task_backends["mine"]


@pytest.mark.parametrize(
    "options",
    [
        {"BROKER_URL": ""},
        {"BROKER_URL": "memory://"},
        {"BROKER_URL": "sqs://"},
        {"BROKER_URL": "redis://localhost:port"},
        {"BROKER_URL": 6379},
        {"BROKER_URL": URL, "APP": SITE},
        {"APP": "app"},
        {"APP": "no path"},
        {"APP": 5},
        {"BROKER_URL": URL, "POOL": "gevent"},
        {"BROKER_URL": URL, "PREFIX": "a b"},
        {"BROKER_URL": URL, "BROKER_TIMEOUT": 0},
        {"BROKER_URL": URL, "VISIBILITY_TIMEOUT": 5},
    ],
    ids=str,
)
def test_wrong_options_are_refused_by_name(options):
    with pytest.raises(InvalidTaskBackend, match=list(options)[-1]) as caught:
        backend_with(**options)

    assert "TASKS['mine']['OPTIONS']" in str(caught.value)


def test_a_password_is_not_repeated():
    with pytest.raises(InvalidTaskBackend) as caught:
        backend_with(BROKER_URL="sqs://me:secret@localhost")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", [URL, "rediss://:pw@redis.example/3", "amqp://me:pw@rabbit.example//", "amqps://x"]
)
def test_addresses_of_redis_and_rabbitmq_are_taken(url):
    assert url == backend_with(BROKER_URL=url).settings.BROKER_URL


@pytest.mark.parametrize("path", [SITE, "tests.adapters.celery.site:app"])
def test_the_sites_own_app_is_found(path):
    from tests.adapters.celery.site import app

    assert app_of(backend_with(APP=path).settings) is app


@pytest.mark.parametrize("path", ["no.such.module.app", "tests.adapters.celery.site.missing"])
def test_an_app_that_cannot_be_imported_is_an_error_of_its_own(path):
    backend = backend_with(APP=path)

    [error] = backend.check()

    assert error.id == "taskyard.E112"
    assert path in error.msg
    assert "TASKS['mine']['OPTIONS']['APP']" in error.hint
    with pytest.raises(InvalidTaskBackend, match=path):
        backend.queue_depths()


def test_what_is_no_app_is_said():
    [error] = backend_with(APP="tests.adapters.celery.site.no_app").check()

    assert "is no Celery app" in error.msg


def test_all_is_well_on_either_broker():
    assert backend_with(BROKER_URL=URL).check() == []
    assert backend_with(BROKER_URL="amqp://localhost").check() == []


def test_a_missing_library_names_the_extra(monkeypatch):
    backend = backend_with(BROKER_URL=URL)
    monkeypatch.setitem(sys.modules, "celery", None)

    for use in (
        lambda: backend.deliver([]),
        lambda: backend.start_worker(WorkerOptions()),
        backend.queue_depths,
    ):
        with pytest.raises(InvalidTaskBackend, match=r'pip install "django-taskyard\[celery\]"'):
            use()
    [error] = backend.check()
    assert (error.id, error.hint) == ("taskyard.E111", 'Run: pip install "django-taskyard[celery]"')


def test_a_missing_client_of_redis_names_the_extra():
    [error] = check_redis_library((5, 6, 2), ())

    assert (error.id, error.hint) == ("taskyard.E111", 'Run: pip install "django-taskyard[celery-redis]"')


@pytest.mark.parametrize(
    ("kombu", "redis", "found"),
    [
        ((5, 6, 2), (5, 3, 1), []),
        ((5, 7, 0), (5, 3, 1), ["taskyard.E114"]),
        ((5, 7, 0), (6, 1, 0), []),
        ((5, 7, 0), (8, 1, 0), []),
    ],
)
def test_a_client_of_redis_that_kombu_refuses_is_found(kombu, redis, found):
    assert [error.id for error in check_redis_library(kombu, redis)] == found


def test_other_brokers_are_refused():
    assert [error.id for error in check_broker("memory")] == ["taskyard.E113"]
    assert [error.id for error in backend_with(APP=UNSAFE).check()] == ["taskyard.E113"]


@pytest.mark.parametrize("url", ["nonsense://", "sqs://"], ids=["unknown", "library missing"])
def test_a_broker_that_celery_cannot_use_is_said(url, monkeypatch):
    from tests.adapters.celery.site import unsafe_app

    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(unsafe_app.conf, "broker_url", url)

    [error] = backend_with(APP=UNSAFE).check()

    assert error.id == "taskyard.E113"


@pytest.mark.parametrize(
    ("conf", "found"),
    [
        ({}, []),
        ({"accept_content": ["json", "pickle"]}, []),
        ({"accept_content": {"application/json"}}, []),
        ({"accept_content": ["pickle"]}, ["taskyard.E115"]),
        ({"task_always_eager": True}, ["taskyard.W111"]),
        ({"task_default_queue": "taskyard.default"}, ["taskyard.E116"]),
        ({"task_queues": [Queue("site"), Queue("taskyard.mail")]}, ["taskyard.E116"]),
        ({"task_queues": {"taskyard.mail": {}}}, ["taskyard.E116"]),
        ({"task_queues": [Queue("taskyard"), Queue("taskyard2.default")]}, []),
        ({"worker_prefetch_multiplier": 100, "task_acks_late": False, "task_time_limit": 1}, []),
    ],
    ids=str,
)
def test_what_harms_us_in_a_sites_own_app_is_found(conf, found):
    from celery import Celery

    app = Celery("checked", set_as_current=False)
    app.conf.update(conf)

    messages = check_site_app(CeleryOptions(APP="shop.celery.app"), app.conf)

    assert [each.id for each in messages] == found
    assert all("shop.celery.app" in each.msg and each.hint for each in messages)


def test_tls_verifies_the_server_unless_told_otherwise():
    def ssl_of(url):
        return app_of(backend_with(BROKER_URL=url).settings).connection_for_write().ssl

    assert ssl_of("rediss://redis.example/0") == {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    assert ssl_of("rediss://redis.example/0?ssl_cert_reqs=none") == {"ssl_cert_reqs": ssl.CERT_NONE}
    assert ssl_of("amqps://rabbit.example//")["cert_reqs"] == ssl.CERT_REQUIRED
    assert not ssl_of(URL)


def test_variables_that_speak_of_the_sites_app_do_not_move_our_broker(monkeypatch):
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
        monkeypatch.setenv(name, "amqp://elsewhere//")

    app = app_of(backend_with(BROKER_URL="redis://here:1/0").settings)

    for connection in (app.connection_for_read(), app.connection_for_write()):
        assert (connection.transport_cls, connection.hostname) == ("redis", "here")


def test_our_app_is_never_the_current_one():
    from celery import current_app

    app = app_of(backend_with(BROKER_URL="redis://here:2/0").settings)
    app.finalize()

    assert current_app._get_current_object() is not app
