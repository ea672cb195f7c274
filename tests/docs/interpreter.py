"""The process that runs one page's code: `python -m tests.docs.interpreter`, told what to do line by line.

It is set up once with the page's settings. The page's Python runs as if it stood in `shop/tasks.py`, so that the tasks
it defines have the names that the page shows. A `manage.py` command runs in a fork of this process: it sees the
page's tasks, and starts in no time.
"""

import ast
import asyncio
import importlib
import inspect
import io
import json
import os
import signal
import socket
import sys
import tempfile
import time
import tokenize
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

PATIENCE = 90
"""Seconds after which a command that does not end is a fault of its page."""


def main() -> None:
    """Serve the page in this folder; or with --nursery, a socket's number, every page of such a project by a fork."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message=".*use of fork.*", category=DeprecationWarning)
    sys.path.insert(0, str(Path.cwd()))
    import django

    django.setup()
    if "--nursery" in sys.argv:
        _bear(int(sys.argv[-1]))
    serve()


def _bear(number: int) -> None:
    """Fork whenever a page's folder comes, with the ends of its pipes; returns in the child, which is that page's."""
    import mysite

    import shop

    calls = socket.socket(fileno=number)
    while True:
        folder, handles, _, _ = socket.recv_fds(calls, 4096, 3)
        if not folder:
            os._exit(0)
        if os.fork():
            for handle in handles:
                os.close(handle)
            continue
        for standard, handle in enumerate(handles):
            os.dup2(handle, standard)
            os.close(handle)
        calls.close()
        os.chdir(folder)
        sys.path[0] = folder.decode()
        for package in (mysite, shop):
            package.__path__ = [str(Path(folder.decode()) / package.__name__)]
        return


def serve() -> None:
    """Answer what the tests ask for, line by line, until they have nothing more to ask."""
    requests, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    namespace = vars(importlib.import_module("shop.tasks"))
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"run": run, "manage": manage, "reload": reload}[request.pop("do")](namespace, **request)
        except BaseException:  # the page's own code, whatever it raises
            answer = {"output": "", "error": _trace()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)


def run(namespace: dict[str, Any], source: str, name: str, line: int) -> dict[str, Any]:
    """Run a block, and see that each expression with a value in its comment has that value."""
    written = io.StringIO()
    padded = "\n" * (line - 1) + source
    with redirect_stdout(written), redirect_stderr(written):
        try:
            values = _values_in_comments(padded)
            for statement in ast.parse(padded, name).body:
                _do(statement, name, namespace, values)
        except BaseException:  # also SystemExit: nothing of a page ends this process
            return {"output": written.getvalue(), "error": _trace()}
    return {"output": written.getvalue(), "error": ""}


def _do(statement: ast.stmt, name: str, namespace: dict[str, Any], values: dict[int, Any]) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    if isinstance(statement, ast.Expr):
        code = compile(ast.Expression(statement.value), name, "eval", flags)
    else:
        code = compile(ast.Module([statement], []), name, "exec", flags)
    is_async = bool(code.co_flags & inspect.CO_COROUTINE)
    value = asyncio.run(eval(code, namespace)) if is_async else eval(code, namespace)
    last = statement.end_lineno
    if isinstance(statement, ast.Expr) and last in values and value != values[last]:
        raise AssertionError(f"line {last} is {value!r}, and its comment says {values[last]!r}")


def _values_in_comments(source: str) -> dict[int, Any]:
    values = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
            try:
                values[token.start[0]] = ast.literal_eval(token.string[1:].partition(":")[0].strip())
            except (ValueError, SyntaxError):
                continue
    return values


def reload(namespace: dict[str, Any], module: str) -> dict[str, Any]:
    """Take over a file that the page has written: into the namespace where it is `shop/tasks.py`, else as a module."""
    if module == "shop.tasks":
        source = Path("shop/tasks.py").read_text()
        exec(compile(source, "shop/tasks.py", "exec"), namespace)
    else:
        importlib.invalidate_caches()
        if module in sys.modules:
            importlib.reload(sys.modules[module])
        found = vars(importlib.import_module(module))
        namespace.update({name: value for name, value in found.items() if not name.startswith("_")})
    return {"output": "", "error": ""}


def manage(namespace: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """Run a management command in a fork."""
    from django.db import connections

    connections.close_all()
    with tempfile.TemporaryFile() as written:
        child = os.fork()
        if child == 0:
            _be_manage(arguments, written.fileno())
        code = _wait(child)
        written.seek(0)
        output = written.read().decode()
    return {"output": output, "error": "", "code": code}


def _wait(child: int) -> int:
    """Wait for a command's end and return its exit code."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"it has not ended within {PATIENCE} s")


def _be_manage(arguments: list[str], output: int) -> None:
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        # Unlike at a start of its own, what has been written at import went elsewhere.
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        from django.core.management import execute_from_command_line

        sys.argv = ["manage.py", *arguments]
        execute_from_command_line(sys.argv)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _trace() -> str:
    return traceback.format_exc(limit=-6)


if __name__ == "__main__":
    main()
