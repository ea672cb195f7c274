"""Every command of ours is one that there is, with options that it knows."""

import shlex
import shutil
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from .reading import COMPOSE, ROOT, instructions, ours, services

WORKDIR = "/app/project"
"""Where the image's commands run; /app is laid out as the repository."""


def in_repository(path: str) -> Path:
    assert path.startswith("/app/"), path
    return ROOT / path.removeprefix("/app/")


def parse_with_django(command: list[str]) -> None:
    program, script, name, *rest = command
    assert program == "python"
    assert (in_repository(WORKDIR) / script).is_file()
    load_command_class(get_commands()[name], name).create_parser(script, name).parse_args(rest)


def parse_with_uvicorn(command: list[str]) -> None:
    from uvicorn.main import main

    given = main.make_context("uvicorn", command[1:]).params
    module, _, application = given["app"].partition(":")
    source = in_repository(WORKDIR) / f"{module.replace('.', '/')}.py"
    assert f"\n{application} = " in source.read_text()


def parse_with_flower(command: list[str]) -> None:
    from tornado.options import options

    from flower import options as _flowers  # noqa: F401 - declares them

    assert command[:2] == ["celery", "flower"]
    for part in command[2:]:
        name, _, value = part.removeprefix("--").partition("=")
        assert name in options.as_dict()
        assert name != "conf" or in_repository(value).is_file()


PARSERS = {"python": parse_with_django, "uvicorn": parse_with_uvicorn, "celery": parse_with_flower}


@pytest.mark.parametrize("name", ours())
def test_a_command_of_ours(name):
    command = ours()[name]["command"]
    assert shutil.which(command[0], path=str(Path(sys.executable).parent))

    PARSERS[command[0]](command)


@pytest.mark.parametrize("name", ours())
def test_a_health_check_of_ours(name):
    check = ours()[name]["healthcheck"]
    if check.get("disable"):
        return
    how, program, script, _ = check["test"]
    assert (how, program) == ("CMD", "python")
    assert in_repository(script) == COMPOSE / "healthy.py"


def test_the_image_says_the_same_by_itself():
    said = dict(instructions()[: [name for name, _ in instructions()].index("CMD") + 1])
    app = ours()["app"]

    assert shlex.split(said["CMD"].strip("[]").replace(",", " ")) == app["command"]
    assert said["WORKDIR"] == WORKDIR
    assert (
        said["HEALTHCHECK"].partition("CMD ")[2].strip("[]").replace('"', "").split(", ")
        == app["healthcheck"]["test"][1:]
    )
    assert not any(service.get("working_dir") or service.get("entrypoint") for service in services().values())
