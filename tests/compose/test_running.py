"""How services start, stop, fail and are held in: the same care for each of them."""

import re

import pytest

from taskyard_workers.process import TIME_TO_YIELD

from .reading import COMPOSE, ONE_SHOT, ROOT, as_written, option, ours, seconds, services

ALL = pytest.mark.parametrize("name", services())

MARGIN = 5.0
"""Seconds for what comes after a worker's last job: its outcome is written, its row in the register deleted."""


@pytest.mark.parametrize("name", [name for name in services() if name.startswith("worker-")])
def test_a_worker_may_take_its_grace(name):
    worker = services()[name]

    needs = float(option(worker["command"], "grace")) + TIME_TO_YIELD + MARGIN
    assert seconds(worker["stop_grace_period"]) >= needs


@pytest.mark.parametrize("name", [name for name in services() if name.startswith("worker-")])
def test_a_worker_that_grows_is_replaced_before_it_is_killed(name):
    worker = services()[name]

    assert int(option(worker["command"], "max-memory")) * 2**20 < _memory(worker)


def test_the_site_may_take_its_time():
    app = services()["app"]

    assert (
        seconds(app["stop_grace_period"])
        > float(option(app["command"], "timeout-graceful-shutdown")) + MARGIN
    )


def test_nginx_may_take_its_time():
    [given] = re.findall(r"worker_shutdown_timeout (\w+);", (COMPOSE / "nginx" / "nginx.conf").read_text())

    assert seconds(services()["nginx"]["stop_grace_period"]) > seconds(given) + MARGIN
    assert services()["nginx"]["stop_signal"] == "SIGQUIT", "SIGTERM would cut off who is being answered."


def test_nginx_looks_the_sites_address_up_again():
    assert services()["nginx"]["depends_on"]["app"]["restart"]


@pytest.mark.parametrize("name", ours())
def test_signals_reach_our_processes(name):
    assert services()[name]["init"]
    written = as_written()["services"][name]["command"]
    assert isinstance(written, list), "A shell would stand between, and keep SIGTERM to itself."


@ALL
def test_it_is_limited(name):
    service = services()[name]

    limits = service["deploy"]["resources"]["limits"]
    assert 0 < limits["cpus"] <= 2
    assert 0 < _memory(service) <= 2**30
    assert service["logging"]["options"]["max-size"], "Its log would fill the disk."


def _memory(service: dict) -> int:
    return int(service["deploy"]["resources"]["limits"]["memory"])


@ALL
def test_it_comes_back_and_says_how_it_does(name):
    service = services()[name]

    if name in ONE_SHOT:
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert check["test"]
    assert seconds(check["timeout"]) <= seconds(check["interval"])
    assert "start_period" in check


@ALL
def test_who_is_waited_for_can_be(name):
    for needed, how in services()[name].get("depends_on", {}).items():
        ends = needed in ONE_SHOT
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_what_ends_is_awaited_in_every_profile(name):
    """Else `docker compose up --wait` takes its end for a failure."""
    assert any(name in services("embedded")[other].get("depends_on", {}) for other in ("app", "dispatcher"))


@ALL
def test_it_may_be_scaled(name):
    assert "container_name" not in services()[name]
    if name.startswith(("worker-", "app", "dispatcher")):
        assert not services()[name].get("ports")


@ALL
def test_an_image_is_of_one_version(name):
    image = services()[name]["image"]

    if "build" not in services()[name]:
        assert re.search(r":v?\d+\.?[\w.-]*$", image), image


@pytest.mark.parametrize("name", ours())
def test_our_code_may_write_where_it_must_and_nowhere_else(name):
    service = services()[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"] == ["/tmp"]
    volumes = [volume["target"] for volume in service.get("volumes") or []]
    assert volumes == ([] if name == "flower" else ["/var/lib/shop"])


@ALL
def test_what_is_mounted_is_there(name):
    for volume in services()[name].get("volumes") or []:
        if volume["type"] == "bind":
            assert (ROOT / volume["source"]).exists()
            assert volume["read_only"]
        else:
            assert volume["source"] in as_written()["volumes"]


def test_what_must_last_has_a_volume():
    lasting = {
        volume["source"]
        for service in services().values()
        for volume in service.get("volumes") or []
        if volume["type"] == "volume"
    }

    assert lasting == set(as_written()["volumes"])


def test_stores_are_not_reached_from_outside():
    assert as_written()["networks"]["data"]["internal"]
    for name in ("postgres", "redis", "rabbitmq"):
        assert list(services()[name]["networks"]) == ["data"]
        assert not services()[name].get("ports")
