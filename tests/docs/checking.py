"""Blocks that are not run but must be right: data, templates, other programs' configuration."""

import configparser
import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import yaml
from pygments.lexers import get_lexer_by_name
from pygments.token import Error

from tests.support.servers import require

from .blocks import Block


def check_json(block: Block, folder: Path) -> None:
    for text in block.source.split("\n\n"):
        json.loads(text)


def check_yaml(block: Block, folder: Path) -> None:
    list(yaml.safe_load_all(block.source))


def check_toml(block: Block, folder: Path) -> None:
    tomllib.loads(block.source)


def check_ini(block: Block, folder: Path) -> None:
    configparser.ConfigParser(strict=False, interpolation=None).read_string(block.source)


def check_template(block: Block, folder: Path) -> None:
    from django.template import Engine

    libraries = {"taskyard_live": "taskyard_monitoring.templatetags.taskyard_live"}
    Engine(libraries=libraries).from_string(block.source)


def check_promql(block: Block, folder: Path) -> None:
    file = folder / "rule.yml"
    rule = {"record": "a_page:says", "expr": block.source}
    file.write_text(yaml.safe_dump({"groups": [{"name": "page", "rules": [rule]}]}))
    _succeeds([require("promtool", "prometheus"), "check", "rules", str(file)])


def check_nginx(block: Block, folder: Path) -> None:
    words = block.source.split()
    source = block.source
    if words[0] != "http" and not source.startswith("events"):
        inner = source if words[0] in {"server", "upstream", "map"} else f"server {{\n{source}\n}}"
        source = f"events {{}}\nhttp {{\n{inner}\n}}"
    file = folder / "nginx.conf"
    file.write_text(f"pid {folder}/pid;\n{source}")
    _succeeds([require("nginx", "nginx"), "-t", "-c", str(file), "-e", str(folder / "errors")])


def check_words(block: Block, folder: Path) -> None:
    """Let the highlighter read it: what it cannot is no such language."""
    lexer = get_lexer_by_name(block.language)
    wrong = [text for kind, text in lexer.get_tokens(block.source) if kind is Error]
    assert not wrong, f"this is no {block.language}: {wrong}"


def _succeeds(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


CHECKS: dict[str, Callable[[Block, Path], None]] = {
    "json": check_json,
    "yaml": check_yaml,
    "toml": check_toml,
    "ini": check_ini,
    "html": check_template,
    "html+django": check_template,
    "promql": check_promql,
    "nginx": check_nginx,
    "js": check_words,
    "docker": check_words,
    "http": check_words,
    "sql": check_words,
}
