"""Names become addresses where they stand for a host, and nowhere else."""

import socket

import pytest

from compose.stack.addresses import LOOPBACK, Addresses, port_on_loopback
from compose.stack.layout import FILE
from compose.stack.reading import read
from compose.stack.variables import variables


@pytest.fixture
def addresses(tmp_path):
    return Addresses(read(FILE, variables(tmp_path, {"APPS": "2"})), "a seed")


def test_each_service_and_replica_has_an_address_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("CELERY_WORKERS", "3")
    services = read(FILE, variables(tmp_path, {}))
    addresses = Addresses(services, "a seed")

    found = [each for name in services for each in addresses.all_of(name)]
    assert len(addresses.all_of("worker-celery")) == 3
    assert len(found) == len(set(found)) == len(services) + 2
    assert all(each.startswith("127.") for each in found)
    assert addresses.of("redis") == Addresses(services, "a seed").of("redis")
    assert addresses.of("redis") != Addresses(services, "another").of("redis")


def test_a_host_in_a_url(addresses):
    redis, postgres = addresses.of("redis"), addresses.of("postgres")

    assert addresses.named("redis://:pw@redis:6379/0") == f"redis://:pw@{redis}:6379/0"
    assert (
        addresses.named("postgresql://shop:pw@postgres:5432/shop")
        == f"postgresql://shop:pw@{postgres}:5432/shop"
    )
    assert addresses.named("http://mail/inbox") == f"http://{addresses.of('mail')}/inbox"


@pytest.mark.parametrize(
    "text", ["--backend=celery", "redis", "the redis", "my-redis:6379", "redis://", "app.redis:1"]
)
def test_other_words_stay(addresses, text):
    assert addresses.named(text) == text


def test_ports_for_root_alone_are_moved(addresses):
    assert addresses.named("http://nginx:80/") == f"http://{addresses.of('nginx')}:8080/"


def test_a_service_speaks_of_itself(addresses):
    words = [
        "--host=0.0.0.0",
        "--metrics=0.0.0.0:9464",
        "http://localhost:80/x",
        "redis-cli -h localhost -p 1",
    ]

    assert addresses.of_command(words, "127.9.9.9") == [
        "--host=127.9.9.9",
        "--metrics=127.9.9.9:9464",
        "http://127.9.9.9:8080/x",
        "redis-cli -h 127.9.9.9 -p 1",
    ]


def test_localhost_in_an_environment_is_for_people_outside(addresses):
    addresses.publish(8080, 45678)
    told = addresses.of_environment(
        {"SHOP_URL": "http://localhost:8080", "OTHER": "http://localhost:80801", "LISTEN": "0.0.0.0"},
        "127.9.9.9",
    )

    assert told == {
        "SHOP_URL": "http://localhost:45678",
        "OTHER": "http://localhost:80801",
        "LISTEN": "127.9.9.9",
    }


def test_hosts_that_are_allowed(addresses):
    told = addresses.of_environment({"SHOP_HOSTS": "app,localhost,self"}, "127.9.9.9")

    assert told["SHOP_HOSTS"] == ",".join([*addresses.all_of("app"), "localhost", "self"])


def test_a_published_port_that_is_taken_is_replaced():
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port_on_loopback(port) != port
    assert port_on_loopback(port) == port
