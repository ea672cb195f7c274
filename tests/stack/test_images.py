"""How each image is run here, as compose.yaml has it but for what differs."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from compose.stack.layout import FILE
from compose.stack.places import ROOT
from compose.stack.reading import read

REPLACED = {"mail"}
"""What another program does here, whose health is another one's."""


@pytest.fixture(scope="module")
def written(layout):
    """The services as the file has them."""
    return read(FILE, layout.variables)


def test_all_but_grafana_run(layout, written):
    assert set(written) - set(layout.plans) == {"grafana"}
    assert "Debian has no package" in layout.left_out["grafana"]
    assert "grafana" not in {*layout.services, *(each.service for each in layout.published)}


def test_commands_are_those_of_the_file_with_addresses(layout, written):
    for name in ("app", "migrate", "worker-celery", "dispatcher"):
        plan = layout.plans[name][0]
        expected = [word.replace("0.0.0.0", plan.address) for word in written[name].command]
        assert plan.command == expected
        assert plan.folder == ROOT / "project"


def test_health_checks_are_those_of_the_file_with_addresses(layout, written):
    for name in set(layout.plans) - REPLACED:
        plan, health = layout.plans[name][0], written[name].health
        if health is None:
            assert plan.health is None
            continue
        expected = [
            word.replace("localhost:80/", f"{plan.address}:8080/")
            .replace("localhost", plan.address)
            .replace("127.0.0.1", plan.address)
            .replace("/app/", f"{ROOT}/")
            for word in health.command
        ]
        assert plan.health.command == expected


def test_our_own_processes_get_what_the_image_sets(layout):
    environment = layout.plans["worker-arq"][0].environment

    assert environment["DJANGO_SETTINGS_MODULE"] == "config.settings"
    assert environment["SHOP_DEBUG"] == "0"
    assert environment["SHOP_VAR"] == str(layout.data / "volumes" / "files")
    assert environment["SHOP_VAR"] == layout.plans["app"][0].environment["SHOP_VAR"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)


def test_what_the_shell_has_for_django_is_not_for_them(layout):
    assert "CI" not in layout.plans["app"][0].environment
    assert "DJANGO_SETTINGS_MODULE" not in layout.plans["redis"][0].environment


def test_no_name_of_a_service_is_left_for_a_host(layout):
    for plans in layout.plans.values():
        said = " ".join([*plans[0].command, *plans[0].environment.values()])
        assert not [name for name in layout.services if f"@{name}:" in said or f"//{name}:" in said]


def test_prometheus_is_told_what_it_would_look_up(layout):
    plan = layout.plans["prometheus"][0]
    configuration = yaml.safe_load((plan.folder / "prometheus.yml").read_text())

    found = {
        group["labels"]["__meta_dns_name"]: group["targets"]
        for job in configuration["scrape_configs"]
        for group in job["static_configs"]
    }
    assert found["worker-celery"] == [f"{layout.plans['worker-celery'][0].address}:9464"]
    assert found["app"] == [f"{layout.plans['app'][0].address}:8000"]
    checked = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"],
        cwd=plan.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_nginx_takes_its_configuration(layout):
    plan = layout.plans["nginx"][0]
    text = (plan.folder / "services/nginx/etc/nginx/nginx.conf").read_text()

    assert f"listen {plan.address}:8080;" in text
    assert f"server {layout.plans['app'][0].address}:8000;" in text
    assert (layout.data / "static/static/shop/shop.css").exists()
    checked = subprocess.run([*plan.command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_postgresql_has_its_data_and_no_socket(layout):
    plan = layout.plans["postgres"][0]

    assert (plan.folder / "PG_VERSION").exists()
    assert "unix_socket_directories=" in plan.command
    assert plan.stop_signal.name == "SIGINT"
    assert (plan.user == "postgres") is (os.geteuid() == 0)


def test_mails_are_kept_where_the_account_looks(layout):
    plan = layout.plans["mail"][0]

    assert plan.keeps is None or Path(plan.command[-1]) == plan.keeps
