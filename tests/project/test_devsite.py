"""`manage.py devsite` as `make run` starts it."""

import socket
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.servers import wait_until

from .commands import start

DEADLINE = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def read_page(address: str) -> str | None:
    try:
        with urlopen(address, timeout=DEADLINE) as response:
            return response.read().decode()
    except OSError:
        return None


@pytest.mark.slow
def test_the_site_is_served_until_it_is_stopped(tmp_path: Path):
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    site = start("devsite", "--port", str(port), SHOP_VAR=str(tmp_path))
    said = []
    listening = threading.Thread(target=lambda: [said.append(line) for line in site.stdout], daemon=True)
    listening.start()
    try:
        page = wait_until(lambda: site.poll() is not None or read_page(address), "the site answers", DEADLINE)
        assert site.poll() is None, said
        assert "The back office of a small shop" in page
        wait_until(lambda: "Worker" in "".join(said), "the worker says something", DEADLINE)
    finally:
        site.terminate()
        site.wait(DEADLINE)
        listening.join(DEADLINE)
        site.stdout.close()

    assert f"The shop: {address}" in "".join(said)
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
