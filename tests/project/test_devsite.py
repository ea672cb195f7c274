"""`manage.py devsite` as `make run` starts it."""

import socket
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from .commands import start

DEADLINE = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def read_page(address: str) -> str | None:
    try:
        with urlopen(address) as response:
            return response.read().decode()
    except URLError:
        return None


@pytest.mark.slow
def test_the_site_is_served_until_it_is_stopped(tmp_path: Path):
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    site = start("devsite", "--port", str(port), SHOP_VAR=str(tmp_path))
    try:
        deadline = time.monotonic() + DEADLINE
        while (page := read_page(address)) is None and site.poll() is None:
            assert time.monotonic() < deadline, "the site does not answer"
        assert page
        assert "The back office of a small shop" in page
    finally:
        site.terminate()
        output, _ = site.communicate(timeout=DEADLINE)

    assert f"The shop: {address}" in output
    assert "Worker" in output
    assert read_page(address) is None


@pytest.mark.slow
def test_it_ends_when_a_part_of_it_ends(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        site = start("devsite", "--port", str(taken.getsockname()[1]), SHOP_VAR=str(tmp_path))
        output, _ = site.communicate(timeout=DEADLINE)

    assert site.returncode == 1
    assert "The web server ended with code" in output


def test_it_is_for_development_only(tmp_path: Path):
    site = start("devsite", SHOP_VAR=str(tmp_path), SHOP_DEBUG="0", SHOP_SECRET_KEY="secret")
    output, _ = site.communicate(timeout=DEADLINE)

    assert site.returncode == 1
    assert "set SHOP_DEBUG=1" in output
