"""compose.yaml as Docker Compose's own program understands it."""

from pathlib import PurePosixPath

import pytest

from compose.stack.layout import FILE
from compose.stack.reading import ComposeError, HealthCheck, Mount, Port, levels, read
from compose.stack.reading.service import seconds
from compose.stack.variables import variables

EXAMPLE = """
name: example
services:
  site:
    build: {context: ., target: app}
    command: [serve, --on=0.0.0.0:8000, "$$HOME"]
    environment: {TOKEN: "${TOKEN:?Say which}", WORKERS: 2, DEBUG: false, EMPTY: }
    restart: unless-stopped
    stop_grace_period: 1m30s
    stop_signal: SIGINT
    scale: 3
    ports: ["127.0.0.1:8080:80"]
    tmpfs: [/tmp, "/run:uid=101"]
    volumes: ["files:/var/lib/site", "./conf:/etc/site:ro"]
    secrets: [token]
    healthcheck: {test: [CMD, ask, site], interval: 5s, timeout: 2s, retries: 4, start_period: 1m}
    depends_on:
      database: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
  migrate:
    build: {context: ., target: app}
    command: [migrate]
    restart: "no"
    depends_on: {database: {condition: service_healthy}}
  database:
    image: registry.example/library/postgres:17-bookworm
    healthcheck: {test: pg_isready}
  extra:
    image: busybox
    profiles: [extras]
volumes: {files: }
secrets: {token: {environment: TOKEN}}
"""


@pytest.fixture
def example(tmp_path):
    def with_variables(**given):
        file = tmp_path / "compose.yaml"
        file.write_text(EXAMPLE)
        return read(file, given)

    return with_variables


def test_a_service_is_read(example, tmp_path):
    site = example(TOKEN="a$b")["site"]

    assert (site.build, site.restart, site.is_job, site.replicas) == ("app", "unless-stopped", False, 3)
    assert site.command == ["serve", "--on=0.0.0.0:8000", "$HOME"]
    assert site.environment == {"TOKEN": "a$b", "WORKERS": "2", "DEBUG": "false", "EMPTY": ""}
    assert (site.grace, site.stop_signal) == (90.0, "SIGINT")
    assert site.ports == [Port("127.0.0.1", 8080, 80)]
    assert site.mounts == [
        Mount("volume", "files", PurePosixPath("/var/lib/site")),
        Mount("bind", str(tmp_path / "conf"), PurePosixPath("/etc/site")),
        Mount("tmpfs", "", PurePosixPath("/tmp")),
        Mount("tmpfs", "", PurePosixPath("/run")),
        Mount("secret", "a$b", PurePosixPath("/run/secrets/token")),
    ]
    assert site.health == HealthCheck(["ask", "site"], interval=5.0, timeout=2.0, patience=80.0)


def test_what_is_left_out_is_as_compose_has_it(example):
    services = example(TOKEN="t")

    assert services["migrate"].is_job
    assert (services["database"].image, services["database"].build) == ("postgres", "")
    assert (services["database"].grace, services["database"].stop_signal) == (10.0, "SIGTERM")
    assert services["database"].health.command == ["sh", "-c", "pg_isready"]


def test_profiles_say_what_is_there(example):
    assert "extra" not in example(TOKEN="t")
    assert "extra" in example(TOKEN="t", COMPOSE_PROFILES="extras")


def test_a_variable_that_is_missing_is_named(example):
    with pytest.raises(ComposeError, match="TOKEN is missing a value: Say which"):
        example()


def test_what_the_shell_has_set_for_docker_is_not_for_us(example, monkeypatch):
    monkeypatch.setenv("COMPOSE_PROFILES", "extras")
    monkeypatch.setenv("COMPOSE_FILE", "elsewhere.yaml")

    assert "extra" not in example(TOKEN="t")


def test_services_come_after_those_they_need(example):
    groups = [[each.name for each in group] for group in levels(example(TOKEN="t"))]

    assert groups == [["database"], ["migrate"], ["site"]]


@pytest.mark.parametrize(("text", "expected"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600)])
def test_durations(text, expected):
    assert seconds(text) == expected


def test_no_duration():
    with pytest.raises(ComposeError, match="'soon' is no duration"):
        seconds("soon")


@pytest.mark.parametrize("engine", ["embedded", "celery", "dramatiq", "arq", "django-q2"])
def test_our_own_file_has_a_worker_for_each_engine_alone(engine, tmp_path):
    services = read(FILE, variables(tmp_path, {"COMPOSE_PROFILES": engine}))

    assert [name for name in services if name.startswith("worker-")] == [f"worker-{engine}"]
    assert {"app", "nginx", "dispatcher", "postgres", "migrate"} < set(services)
    assert services["app"].environment["SHOP_ENGINES"] == engine


def test_secrets_are_made_once(tmp_path):
    first, second = variables(tmp_path, {}), variables(tmp_path, {})

    assert first == second
    assert len(first["POSTGRES_PASSWORD"]) > 20
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_the_shell_overrides_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_PORT", "8888")

    assert variables(tmp_path, {})["SHOP_PORT"] == "8888"
