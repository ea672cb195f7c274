"""Whether compose/README.md speaks of what there is."""

import re

import pytest

from .reading import COMPOSE, as_written, services

README = (COMPOSE / "README.md").read_text()


@pytest.mark.parametrize("name", services())
def test_a_service_is_told_of(name):
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", as_written()["volumes"])
def test_what_a_volume_holds_is_told(name):
    assert f"`{name}`" in README.partition("## What lasts")[2]


def test_commands_are_for_services_that_there_are():
    named = re.findall(r"docker compose (?:exec|run --rm|restart|cp) ([\w-]+)", README)

    assert named
    assert set(named) <= set(services())


def test_addresses_are_the_published_ones():
    published = {port["published"] for each in services().values() for port in each.get("ports", [])}

    assert set(re.findall(r"127\.0\.0\.1:(\d+)[ ,]", README)) | {"8080"} == published
