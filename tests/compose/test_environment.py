"""Every variable is read by somebody, and no secret has a value that everybody knows."""

import re

import pytest

from .reading import COMPOSE, FILE, ROOT, config, fresh_environment, is_ours, ours, services

SECRET = re.compile(r"PASSWORD|SECRET|TOKEN")

READ_BY_IMAGES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "redis": {"REDISCLI_AUTH"},
    "rabbitmq": {"RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"},
    "mail": {"MP_DATABASE", "MP_MAX_MESSAGES", "MP_SMTP_BIND_ADDR", "MP_UI_BIND_ADDR"},
}
"""What images that are not ours read, as their manuals say; Grafana reads GF_ and the name of any option."""


def used() -> dict[str, str]:
    """Return the variables that compose.yaml wants, each with what follows its name."""
    found = re.findall(r"\$\{([A-Z0-9_]+)([^}]*)\}", FILE.read_text())
    return {name: max(rest for other, rest in found if other == name) for name, _ in found}


def read_by_the_shop() -> set[str]:
    text = "".join(path.read_text() for path in (ROOT / "project" / "config").glob("*.py"))
    return set(re.findall(r"environ\.get\(\s*\"(\w+)\"", text))


@pytest.mark.parametrize("name", [name for name in ours() if name != "flower"])
def test_the_shop_reads_what_it_is_given(name):
    engines = {f"SHOP_BROKER_URL_{worker.removeprefix('worker-').upper()}" for worker in services()}

    assert set(ours()[name]["environment"]) <= read_by_the_shop() | engines


def test_flower_reads_what_it_is_given():
    text = (ROOT / "monitoring" / "flower" / "flowerconfig.py").read_text()

    by_celery = {"CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"}
    assert set(services()["flower"]["environment"]) <= set(re.findall(r"[A-Z_]{8,}", text)) | by_celery


def test_others_read_what_they_are_given():
    for name, service in services().items():
        given = set(service.get("environment", {}))
        if is_ours(service) or not given:
            continue
        mounted = "".join(map(_text, service.get("volumes", [])))
        for variable in given - READ_BY_IMAGES.get(name, set()):
            is_grafanas = name == "grafana" and variable.startswith("GF_")
            assert is_grafanas or f"${variable}" in mounted or f"${{{variable}}}" in mounted, (name, variable)


def _text(volume: dict) -> str:
    if volume["type"] != "bind":
        return ""
    source = ROOT / volume["source"]
    files = [source] if source.is_file() else source.rglob("*.yml")
    return "".join(path.read_text() for path in files)


def test_no_secret_has_a_default():
    secrets = {name for name in used() if SECRET.search(name)}

    assert len(secrets) >= 7
    for name in secrets:
        assert used()[name].startswith(":?"), f"{name} has a default, or none is demanded."


@pytest.mark.parametrize("name", [name for name, rest in used().items() if rest.startswith(":?")])
def test_nothing_starts_without(name):
    variables = fresh_environment()
    del variables[name]

    done = config(
        {"COMPOSE_PROFILES": "all", **variables} if name != "COMPOSE_PROFILES" else variables, "--quiet"
    )

    assert done.returncode != 0
    assert name in done.stderr


def test_new_env_gives_each_secret_a_value_of_its_own():
    one, other = fresh_environment(), fresh_environment()

    secrets = {name for name in one if SECRET.search(name)}
    assert secrets == {name for name in used() if SECRET.search(name)}
    values = [given[name] for given in (one, other) for name in secrets]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in values), "They become part of addresses."


def test_the_example_names_what_is_demanded_and_nothing_that_nobody_uses():
    example = (COMPOSE / ".env.example").read_text()
    named = set(re.findall(r"^#? ?([A-Z0-9_]+)=", example, re.MULTILINE))

    assert {name for name, rest in used().items() if rest.startswith(":?")} <= named
    assert named <= set(used())


def test_the_example_holds_no_secret():
    example = (COMPOSE / ".env.example").read_text()

    for name, value in re.findall(r"^([A-Z0-9_]+)=(.*)$", example, re.MULTILINE):
        assert not (SECRET.search(name) and value), name


def test_the_shop_is_not_in_development(monkeypatch):
    dockerfile = (COMPOSE / "Dockerfile").read_text()

    assert "SHOP_DEBUG=0" in dockerfile
    assert not any("SHOP_DEBUG" in each["environment"] for each in ours().values())
