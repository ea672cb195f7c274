"""Each engine has a worker, a profile of its own, and is watched; found by the adapters' folders, not by a list."""

from pkgutil import iter_modules

import pytest
import yaml

import taskyard_adapters
from config import engines

from .reading import COMPOSE, as_written, option, ours, services


def adapters() -> list[str]:
    return [found.name.replace("_", "-") for found in iter_modules(taskyard_adapters.__path__)]


@pytest.mark.parametrize("engine", adapters())
def test_an_engine_alone(engine):
    running = services(engine)

    workers = {name: each for name, each in running.items() if name.startswith("worker-")}
    assert list(workers) == [f"worker-{engine}"]
    assert option(workers[f"worker-{engine}"]["command"], "backend") == engine
    for name, service in running.items():
        for needed in service.get("depends_on", {}):
            assert needed in running, f"{name} waits for {needed}, which does not start."


@pytest.mark.parametrize("engine", adapters())
def test_a_broker_is_there_only_for_who_needs_it(engine, monkeypatch):
    worker = services()[f"worker-{engine}"]
    for name, value in worker["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(engines, "BROKER_URL", worker["environment"]["SHOP_BROKER_URL"])

    options = engines.backends()[engine]["OPTIONS"]

    broker = {name for name in ("redis", "rabbitmq") if f"@{name}:" in options.get("BROKER_URL", "")}
    assert broker <= set(worker["depends_on"])
    assert (engine in services("all")["rabbitmq"]["profiles"]) == (broker == {"rabbitmq"})


def test_all_of_them_together():
    workers = [name for name in services("all") if name.startswith("worker-")]

    assert sorted(workers) == sorted(f"worker-{engine}" for engine in adapters())


def test_some_of_them_together():
    workers = [name for name in services("celery,arq") if name.startswith("worker-")]

    assert sorted(workers) == ["worker-arq", "worker-celery"]


def test_the_site_is_told_the_same_engines():
    told = as_written()["x-app"]["environment"]["SHOP_ENGINES"]

    assert told.startswith("${COMPOSE_PROFILES:?")


def test_prometheus_looks_at_each():
    configuration = yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in configuration["scrape_configs"]}

    with_port = {
        name for name, each in ours().items() if any("--metrics=" in part for part in each["command"])
    }
    assert set(jobs["taskyard-workers"]["names"]) == with_port
    assert {f"worker-{engine}" for engine in adapters()} < with_port
