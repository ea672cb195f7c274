"""What the environment says about names, mail and engines; test_variables.py is for databases."""

import json
import os
import socket
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import engines, hosts, mail

from .commands import start

ASK = "import json; from django.conf import settings; print(json.dumps({name: getattr(settings, name) for name in %r}))"


def settings_with(*names: str, **environment: str) -> dict:
    """Return some settings of a shop with this environment."""
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SHOP_SECRET_KEY": "for this test",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK % (names,)], env=variables, check=True, capture_output=True
    )
    return json.loads(done.stdout)


COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")


def test_a_public_site_keeps_its_cookies_to_tls(tmp_path):
    said = settings_with(
        *("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "TASKYARD_MONITORING", *COOKIES),
        SHOP_DEBUG="0",
        SHOP_URL="https://shop.example:8443/",
        SHOP_HOSTS="app,localhost",
        SHOP_VAR=str(tmp_path),
        SHOP_METRICS_TOKEN="secret",
        SHOP_FLOWER_URL="https://flower.example",
    )

    assert said["ALLOWED_HOSTS"] == ["shop.example", "app", "localhost"]
    assert said["CSRF_TRUSTED_ORIGINS"] == ["https://shop.example:8443"]
    assert said["SESSION_COOKIE_SECURE"]
    assert said["CSRF_COOKIE_SECURE"]
    assert said["TASKYARD_MONITORING"]["METRICS_TOKEN"] == "secret"
    assert said["TASKYARD_MONITORING"]["FLOWER_URL"] == "https://flower.example"


def test_one_without_tls_can_still_be_signed_in_to(tmp_path):
    said = settings_with(
        *("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", *COOKIES),
        SHOP_DEBUG="0",
        SHOP_URL="http://localhost:8080",
        SHOP_VAR=str(tmp_path),
    )

    assert said["ALLOWED_HOSTS"] == ["localhost"]
    assert said["CSRF_TRUSTED_ORIGINS"] == []
    assert not said["SESSION_COOKIE_SECURE"]


def test_self_stands_for_this_machines_addresses(monkeypatch):
    monkeypatch.setenv("SHOP_HOSTS", "app,self")
    own = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 0))
    newer = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::1", 0, 0, 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [own, own, newer])

    assert hosts.allowed("") == ["app", "10.1.2.3", "[fd00::1]"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", ("mail", 25, "", "", False)),
        ("smtp://mail:1025", ("mail", 1025, "", "", False)),
        ("smtps://shop:p%40ss@smtp.example", ("smtp.example", 465, "shop", "p@ss", True)),
    ],
)
def test_a_mail_server(monkeypatch, url, expected):
    monkeypatch.setattr(mail, "URL", url)

    options = mail.options()

    assert tuple(options[name] for name in ("host", "port", "username", "password", "use_ssl")) == expected


@pytest.mark.parametrize("url", ["http://mail", "mail:25", "smtp://"])
def test_what_is_no_mail_server_is_refused(monkeypatch, url):
    monkeypatch.setattr(mail, "URL", url)

    with pytest.raises(ImproperlyConfigured, match="must begin with smtp:// or smtps://"):
        mail.options()


def test_without_a_server_mails_become_files():
    assert mail.BACKEND == "shop.mail_files.MailFiles"
    assert mail.options() == {}


def test_one_engine_is_the_only_backend(monkeypatch):
    monkeypatch.delenv("SHOP_ENGINES", raising=False)

    assert list(engines.backends()) == ["default"]


def test_several_share_the_jobs(monkeypatch):
    monkeypatch.setenv("SHOP_ENGINES", "celery, arq, django-q2")

    backends = engines.backends()

    assert list(backends) == ["default", "celery", "arq", "django-q2"]
    options = backends["default"]["OPTIONS"]
    assert options["ROUTES"] == [{"percent": 33.33, "to": "celery"}, {"percent": 33.33, "to": "arq"}]
    assert options["ELSE"] == "django-q2"
    assert engines.apps() == ["django_q"]


def test_an_engine_may_have_a_broker_of_its_own(monkeypatch):
    monkeypatch.setenv("SHOP_ENGINES", "celery,dramatiq")
    monkeypatch.setenv("SHOP_BROKER_URL_DRAMATIQ", "amqp://rabbitmq//")

    backends = engines.backends()

    assert backends["dramatiq"]["OPTIONS"]["BROKER_URL"] == "amqp://rabbitmq//"
    assert backends["celery"]["OPTIONS"]["BROKER_URL"] == engines.BROKER_URL


def test_django_finds_nothing_wrong_with_all_of_them(tmp_path):
    check = start("check", SHOP_ENGINES="all", SHOP_VAR=str(tmp_path))

    output, _ = check.communicate(timeout=60)

    assert check.returncode == 0, output
    assert "no issues" in output
