"""The files of a project: which there are, and what is in them."""

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

NOT_LOOKED_INTO = {"__pycache__", "build", "dist", "migrations", "node_modules", "site-packages", "venv"}
"""Folders without code that people change by hand; those that begin with a dot are left out, too."""

COMMAND_FILES = (
    "Procfile",
    "Makefile",
    "Dockerfile",
    "*.sh",
    "*.service",
    "*.yml",
    "*.yaml",
    "*.conf",
    "*.ini",
)
"""Files in which processes are started."""


class Unreadable(Exception):
    """A path cannot be read as what it should be; the message says which and why."""


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files of these files and folders, in order.

    Raises:
        Unreadable: a path is not there.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(_within(path, ("*.py",)))
        elif path.exists():
            yield path
        else:
            raise Unreadable(f"{path}: there is no such file or folder.")


def command_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of these folders in which processes are started."""
    for path in paths:
        if path.is_dir():
            yield from sorted(_within(path, COMMAND_FILES))


def _within(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_foreign(Path(parent) / name)]
        yield from (
            found for name in files if any((found := Path(parent) / name).match(each) for each in patterns)
        )


def _is_foreign(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in NOT_LOOKED_INTO or (folder / "pyvenv.cfg").exists()


def syntax_of(path: Path) -> ast.Module:
    """Parse a Python file.

    Raises:
        Unreadable: it cannot be read, or is no Python.
    """
    try:
        return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}.") from error
    except SyntaxError as error:
        where = f"{path}:{error.lineno}" if error.lineno else str(path)
        raise Unreadable(f"{where}: this is no Python that {_python()} can read: {error.msg}.") from error
    except ValueError as error:  # null bytes, on some versions
        raise Unreadable(f"{path}: this is no Python: {error}.") from error


def _python() -> str:
    import platform  # noqa: PLC0415 - for an error alone

    return f"Python {platform.python_version()}"


def module_names(path: Path, roots: Iterable[Path]) -> Iterator[str]:
    """Yield a file's names as a module: by its packages, and by its place below a root that is no package."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    yield ".".join(parts)
    for root in roots:
        if root.is_dir() and not (root / "__init__.py").exists() and path.is_relative_to(root):
            yield ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
