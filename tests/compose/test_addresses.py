"""Who asks whom on which port: what asks names a service that is there and listens on that port."""

import re
from urllib.parse import urlsplit

import pytest
import yaml

from .reading import COMPOSE, instructions, ours, port_listened_on, services

PORTS = {"postgres": {5432}, "redis": {6379}, "rabbitmq": {5672}, "grafana": {3000}}
"""Where images that are not ours listen unless told otherwise."""


def listens_on(name: str) -> set[int]:
    service = services()[name]
    if name in PORTS:
        return PORTS[name]
    if name == "nginx":
        return {int(port) for port in re.findall(r"listen (\d+);", nginx())}
    if name == "mail":
        said = [value for key, value in service["environment"].items() if key.endswith("_ADDR")]
        return {int(value.rpartition(":")[2]) for value in said}
    if name == "prometheus":
        [said] = [part for part in service["command"] if part.startswith("--web.listen-address=")]
        return {int(said.rpartition(":")[2])}
    return {port_listened_on(service)}


def nginx() -> str:
    return (COMPOSE / "nginx" / "nginx.conf").read_text()


def within(service: dict) -> list[tuple[str, int]]:
    """Return the addresses of other services in a service's variables."""
    found = []
    for value in service["environment"].values():
        parts = urlsplit(value)
        if parts.hostname in services():
            found.append((parts.hostname, parts.port))
    return found


@pytest.mark.parametrize("name", [name for name, each in services().items() if each.get("environment")])
def test_variables_name_services_that_listen(name):
    service = services()[name]
    for other, port in within(service):
        assert port in listens_on(other), f"{name} asks {other} on port {port}."
        assert set(service["networks"]) & set(services()[other]["networks"]), f"{name} cannot reach {other}."


def test_something_is_looked_at():
    asked = {other for service in ours().values() for other, _ in within(service)}

    assert asked == {"postgres", "redis", "rabbitmq", "mail"}


def test_nginx_asks_the_site():
    [(host, port)] = re.findall(r"server (\S+):(\d+);", nginx())

    assert int(port) in listens_on(host)
    assert set(services()["nginx"]["networks"]) & set(services()[host]["networks"])


def test_prometheus_asks_those_who_count():
    configuration = yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text())
    for job in configuration["scrape_configs"]:
        for found in job["dns_sd_configs"]:
            for name in found["names"]:
                assert found["port"] in listens_on(name)
                assert "default" in services()[name]["networks"]


def test_grafana_asks_prometheus():
    address = urlsplit(services()["grafana"]["environment"]["TASKYARD_PROMETHEUS_URL"])

    assert address.port in listens_on(address.hostname)


@pytest.mark.parametrize("name", [name for name, each in services().items() if each.get("ports")])
def test_published_ports_are_listened_on(name):
    for port in services()[name]["ports"]:
        assert port["target"] in listens_on(name)
        assert name == "nginx" or port["host_ip"] == "127.0.0.1", "Only the site is for everybody."


@pytest.mark.parametrize("name", services())
def test_health_checks_ask_a_port_that_is_listened_on(name):
    asked = " ".join(services()[name]["healthcheck"].get("test", []))
    ports = re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)|-p (\d+)", asked)

    assert {int(one or other) for one, other in ports} <= listens_on(name) if ports else True


def test_the_images_expose_what_is_listened_on():
    exposed = {int(port) for name, rest in instructions() if name == "EXPOSE" for port in rest.split()}

    listening = {port for name, each in ours().items() if name != "migrate" for port in listens_on(name)}
    assert exposed == listening | listens_on("nginx")


def test_the_site_may_be_asked_by_those_names():
    hosts = ours()["app"]["environment"]["SHOP_HOSTS"].split(",")

    assert "self" in hosts, "Prometheus asks replicas by their addresses."
    assert "localhost" in hosts, "The health check asks there."
