"""What the code says about itself, as Markdown: a `write_…` function for each part of the reference."""

import argparse
import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

from django.apps import apps
from django.contrib.auth.management import _get_all_permissions
from django.core.management import get_commands, load_command_class
from sphinx.pycode import ModuleAnalyzer

from taskyard import policy, signals
from taskyard_monitoring.api.api import api
from taskyard_monitoring.conf import DEFAULTS, Settings
from taskyard_monitoring.metrics import names
from taskyard_workers import exits

PACKAGES = ("taskyard", "taskyard_workers", "taskyard_adapters", "taskyard_monitoring")


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace("|", "\\|")


def _code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def documented(module: str) -> dict[tuple[str, str], str]:
    """Return the docstrings of a module's constants and attributes, by class ("" for none) and name."""
    found = ModuleAnalyzer.for_module(module).find_attr_docs()
    return {key: "\n".join(lines).strip() for key, lines in found.items()}


def brief(docstring: str | None) -> str:
    """Return a docstring's first paragraph."""
    return inspect.cleandoc(docstring or "").partition("\n\n")[0]


# --- settings ---


def _shown(value: object) -> str:
    if isinstance(value, timedelta):
        days, seconds = value.days, value.seconds
        parts = [f"days={days}"] * bool(days) + [f"hours={seconds // 3600}"] * bool(seconds)
        return f"timedelta({', '.join(parts)})"
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return f"{value:_}"
    return repr(value)


def write_options(path: str) -> str:
    """Write the keys of OPTIONS that one class declares itself."""
    module, _, name = path.rpartition(".")
    options = getattr(importlib.import_module(module), name)
    said = documented(module)
    own = inspect.get_annotations(options)
    rows = []
    for option in fields(options):
        if option.name not in own:
            continue
        default = "" if option.default is MISSING else _code(_shown(option.default))
        kind = option.type if isinstance(option.type, str) else _type(option.type)
        rows.append([_code(option.name), _code(kind), default, _inline(said[name, option.name])])
    return table(["option", "type", "default", "means"], rows)


def _type(kind: Any) -> str:
    text = kind.__name__ if isinstance(kind, type) else str(kind)
    return re.sub(r"\b(?:datetime|collections\.abc|typing|taskyard\.\w+)\.", "", text)


def _inline(text: str) -> str:
    """Turn a list within a docstring to sentences, for the cell of a table."""
    return re.sub(r"\n+- ", " · ", text)


def write_monitoring_settings() -> str:
    rows = [
        [_code(name), "`str`", _code(repr(default)), brief(getattr(Settings, name).__doc__)]
        for name, default in DEFAULTS.items()
    ]
    return table(["key", "type", "default", "means"], rows)


# --- policy ---


def write_policy() -> str:
    said = {name: text for (owner, name), text in documented("taskyard.policy").items() if owner == "Policy"}
    said |= arguments_of(policy)
    rows = []
    for argument in inspect.signature(policy).parameters.values():
        default = argument.default
        text = "Exponential()" if argument.name == "backoff" else _default(default)
        rows.append(
            [
                _code(argument.name),
                _code(_annotation(argument.annotation)),
                _code(text),
                _sentence(said[argument.name]),
            ]
        )
    return table(["argument", "type", "default", "means"], rows)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _default(value: object) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], type):
        return ", ".join(each.__name__ for each in value)
    return repr(value)


def _annotation(annotation: Any) -> str:
    text = inspect.formatannotation(annotation)
    for long, short in (
        ("datetime.", ""),
        ("collections.abc.", ""),
        ("typing.", ""),
        ("taskyard.backoff.", ""),
        ("taskyard.states.", ""),
        ("BaseException", "exception"),
    ):
        text = text.replace(long, short)
    return re.sub(r"^Optional\[(.*)\]$", r"\1 | None", text)


def arguments_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return what a docstring's `Args:` says, by argument."""
    text = inspect.getdoc(function) or ""
    found = re.search(r"(?ms)^Args:\n(.*?)(?=^\S|\Z)", text)
    said: dict[str, str] = {}
    for line in dedent(found[1]).splitlines() if found else []:
        if match := re.match(r"(\w+): (.*)", line):
            name = match[1]
            said[name] = match[2]
        elif line.strip():
            said[name] += f" {line.strip()}"
    return said


# --- commands ---


def write_commands() -> str:
    """Write every management command, its subcommands and their arguments."""
    ours = {
        name: app
        for name, app in get_commands().items()
        if isinstance(app, str) and app.startswith("taskyard")
    }
    parts = []
    for name in sorted(ours):
        command = load_command_class(ours[name], name)
        parser = command.create_parser("manage.py", name)
        parts.append(_command(f"{name}", parser, str(command.help)))
    return "\n".join(parts)


DJANGOS = {
    "version",
    "verbosity",
    "settings",
    "pythonpath",
    "traceback",
    "no_color",
    "force_color",
    "skip_checks",
    "help",
}
"""The options that every command has from Django."""


def _command(name: str, parser: argparse.ArgumentParser, explanation: str, level: int = 2) -> str:
    parts = [f"{'#' * level} {name}\n\n{_percent(explanation, parser)}\n"]
    actions = [action for action in parser._actions if action.dest not in DJANGOS]  # noqa: SLF001
    plain = [action for action in actions if not isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    if plain:
        parts.append(table(["argument", "default", "means"], [_argument(action, parser) for action in plain]))
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            parts += [
                _command(f"{name} {word}", sub, helps.get(word, ""), level + 1)
                for word, sub in action.choices.items()
            ]
    return "\n".join(parts)


def _argument(action: argparse.Action, parser: argparse.ArgumentParser) -> list[str]:
    takes = "" if action.nargs == 0 else f" {_metavar(action)}"
    names = ", ".join(action.option_strings) + takes if action.option_strings else _metavar(action)
    quiet = action.nargs == 0 or action.default in (None, "", [], argparse.SUPPRESS)
    default = "" if quiet else _code(action.default)
    if action.choices and action.metavar is None:
        names = (", ".join(action.option_strings) + " " if action.option_strings else "") + "|".join(
            map(str, action.choices)
        )
    return [_code(names), default, _percent(action.help or "", parser, action)]


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return action.dest.upper()


def _percent(text: str, parser: argparse.ArgumentParser, action: argparse.Action | None = None) -> str:
    text = re.sub(r"\s*\(default: %\(default\)s\)", "", text)
    text = text % {"prog": parser.prog, **(vars(action) if action else {})}
    text = re.sub(r"(?<![`\w-])(--[a-z][a-z-]+)", r"`\1`", text)
    return text.replace("<", "\\<").replace("*", "\\*")


# --- metrics ---


def write_metrics(group: str) -> str:
    rows = [
        [_code(metric.name), metric.kind, ", ".join(map(_code, metric.labels)), metric.help]
        for metric in getattr(names, group.upper())
    ]
    return table(["metric", "kind", "labels", "means"], rows)


# --- signals ---

DJANGOS_SIGNALS = {
    "task_enqueued": "A job is there; sent before its transaction commits.",
    "task_started": "An attempt begins.",
    "task_finished": "The job has finished: succeeded, failed for good, or was cancelled while it ran.",
}


def write_signals() -> str:
    said = {name: text for (owner, name), text in documented("taskyard.signals").items() if not owner}
    ours = [name for name in signals.__all__ if name not in DJANGOS_SIGNALS]
    rows = [[_code(name), text] for name, text in DJANGOS_SIGNALS.items()]
    return table(["signal", "sent when"], [*rows, *([_code(name), said[name]] for name in ours)])


# --- HTTP API ---


def write_http_api() -> str:
    described = api.described("")
    parts = []
    by_tag: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                tag = path.strip("/").partition("/")[0]
                by_tag.setdefault(tag, []).append(_operation(path, method, operation))
    for tag, operations in by_tag.items():
        parts += [f"## {tag.capitalize()}\n", *operations]
    return "\n".join(parts)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    shown = path.lstrip("/")
    parts = [
        f"### {method.upper()} {shown}\n",
        f"{_text(operation.get('description') or operation['summary'])}\n",
    ]
    rows = [
        [
            _code(parameter["name"]),
            parameter["in"],
            _schema(parameter["schema"]),
            _text(parameter.get("description", "")),
        ]
        for parameter in operation.get("parameters", [])
    ]
    if rows:
        parts.append(table(["parameter", "in", "type", "means"], rows))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        parts.append(f"Body: {_schema(body)}\n")
    answers = [
        f"{status} {_schema(answer.get('content', {}).get('application/json', {}).get('schema', {}))}".strip()
        for status, answer in operation["responses"].items()
    ]
    parts.append(f"Answers: {', '.join(answers)}\n")
    return "\n".join(parts)


def _text(text: str) -> str:
    return text.replace("<", "\\<")


def _schema(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(filter(None, map(_schema, schema.get("anyOf") or schema["oneOf"])))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value)
    kind = schema.get("format") or schema.get("type", "")
    if kind == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    bounds = [f"{schema[key]}" for key in ("minimum", "maximum") if key in schema]
    return f"{kind} ({' to '.join(bounds)})" if len(bounds) == 2 else str(kind)


def write_http_shapes() -> str:
    parts = []
    for name, schema in sorted(api.described("")["components"]["schemas"].items()):
        parts.append(f"### {name}\n\n{_text(schema.get('description', ''))}\n")
        required = set(schema.get("required", ()))
        rows = [
            [
                _code(key),
                _schema(value),
                "yes" if key in required else "",
                _text(value.get("description", "")),
            ]
            for key, value in schema.get("properties", {}).items()
        ]
        if rows:
            parts.append(table(["field", "type", "always there", "means"], rows))
    return "\n".join(parts)


def write_http_problems() -> str:
    """Write every kind of problem, as the API's modules name them."""
    found: dict[str, set[int]] = {}
    for _module, tree in _trees("taskyard_monitoring.api"):
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and len(call.args) > 1:
                status, kind = call.args[:2]
                if (
                    isinstance(status, ast.Attribute)
                    and isinstance(status.value, ast.Name)
                    and status.value.id == "HTTPStatus"
                    and isinstance(kind, ast.Constant)
                    and isinstance(kind.value, str)
                    and re.fullmatch("[a-z-]+", kind.value)
                ):
                    found.setdefault(kind.value, set()).add(HTTPStatus[status.attr].value)
    rows = sorted((min(statuses), kind, statuses) for kind, statuses in found.items())
    return table(
        ["status", "type"],
        [[", ".join(map(str, sorted(statuses))), f"`urn:taskyard:{kind}`"] for _, kind, statuses in rows],
    )


# --- system checks ---


def write_checks() -> str:
    """Write each check's id, words and hint, as they stand in the calls that make them."""
    rows = []
    for package in PACKAGES:
        for _module, tree in _trees(package):
            rows += [[id_, kind, *words] for id_, kind, words in _checks_in(tree)]
    rows.sort(key=lambda row: (row[0].rpartition(".")[0], row[0].rpartition(".")[2][1:], row[0]))
    return table(["id", "kind", "says", "what to do"], [[_code(row[0]), *row[1:]] for row in rows])


def _checks_in(tree: ast.Module) -> Iterator[tuple[str, str, list[str]]]:
    known = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if name in {"Error", "Warning", "Info"} and isinstance(given.get("id"), ast.Constant):
            words = [_words(call.args[0], known), _words(given.get("hint"), known)]
            yield given["id"].value, name.lower(), words  # type: ignore[attr-defined]


def _words(node: ast.expr | None, known: dict[str, ast.expr]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value).replace("<", "\\<")
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part, known) for part in node.values)
    if isinstance(node, ast.Name) and node.id in known:
        return _words(known[node.id], {})
    return "" if node is None else "…"


def _trees(package: str) -> Iterator[tuple[str, ast.Module]]:
    root: ModuleType = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if ".testing" in found.name or found.name.endswith(".__main__"):
            continue
        spec = found.module_finder.find_spec(found.name, None)
        assert spec is not None
        assert spec.origin is not None
        yield found.name, ast.parse(Path(spec.origin).read_text())


# --- permissions, exit codes ---


def write_permissions() -> str:
    rows = []
    for model in apps.get_models():
        if model.__module__.partition(".")[0] in PACKAGES:
            label = model._meta.app_label
            rows += [
                [_code(f"{label}.{code}"), str(name)] for code, name in _get_all_permissions(model._meta)
            ]
    return table(["permission", "allows"], sorted(rows))


def write_exit_codes() -> str:
    said = {name: text for (owner, name), text in documented("taskyard_workers.exits").items() if not owner}
    rows = [[_code(getattr(exits, name)), text] for name, text in said.items() if "Never seen" not in text]
    rows.append(["`1`", "The process could not start, and says why."])
    return table(["exit code", "means"], sorted(rows))
