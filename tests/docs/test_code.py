"""What the pages show, happens: each block is run, or checked, in its place."""

import ast
import subprocess

import pytest

from tests.support.servers import ServerMissing

from .blocks import Block, Page, agrees, commands, read
from .checking import CHECKS
from .pages import PAGES
from .project import Failed, Project

MOST_NOT_RUN = 20
"""How many blocks of all pages may be left out."""


def test_code(page: Page, project: Project, tmp_path):
    output: str | None = None
    for block in page.blocks:
        try:
            output = _do(block, project, tmp_path, output)
        except ServerMissing:
            raise
        except Exception as error:  # whatever it is, it is this block's
            pytest.fail(f"{block.where}: {type(error).__name__}: {error}\n\n{block.source}", pytrace=False)
    project.load()
    project.end()


def _do(block: Block, project: Project, folder, output: str | None) -> str | None:
    """Run or check a block; returns what it wrote, for a block of text that follows it."""
    if "not run" in block.marks:
        assert block.marks["not run"], "say why it is not run"
        _only_read(block)
        return None
    if block.language == "python":
        return _python(block, project)
    if block.language == "console":
        return _console(block, project)
    if block.language == "text":
        assert output is not None, "there is no output that this could be"
        assert agrees(block.source, output), f"what was written is\n{output}"
        return output
    if block.language == "mermaid" or block.language.startswith("{"):
        return None  # the site is built of it, see test_site.py
    assert block.language in CHECKS, f"nobody knows how to check the language {block.language!r}"
    CHECKS[block.language](block, folder)
    return None


def _python(block: Block, project: Project) -> str:
    if block.file:
        ast.parse(block.source)
        project.write(block.file, block.source)
        return ""
    return project.run(block.source, block.page.name, block.line)


def _console(block: Block, project: Project) -> str:
    output = ""
    wanted = [int(block.marks.get("exits", 0))]
    lines = list(commands(block.source if not block.hidden else f"$ {block.source}"))
    if block.hidden:
        written = block.source.strip().splitlines()
        # Management commands by themselves start in no time; all else is one script.
        alone = all(line.startswith("python manage.py ") and not line.endswith("\\") for line in written)
        for line in written if alone else [block.source]:
            code, output = project.command(line)
            assert code == 0, f"it ended with {code}:\n{output}"
        return ""
    assert lines, "a console block has lines that begin with `$ `"
    for command in lines:
        if "background" in block.marks:
            project.start(command.line, command.expected)
            continue
        code, output = project.command(command.line, block.marks.get("answers", ""))
        if code not in wanted:
            raise Failed(f"`{command.line}` ended with {code}:\n{output}")
        if command.expected.strip() and not agrees(command.expected, output):
            raise Failed(f"`{command.line}` wrote\n{output}")
    return output


def _only_read(block: Block) -> None:
    if block.language == "python":
        compile(block.source, block.where, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    elif block.language == "console":
        for command in commands(block.source):
            subprocess.run(["bash", "-nc", command.line], check=True, timeout=10)


def test_few_blocks_are_not_run(capsys):
    left_out = [block for path in PAGES for block in read(path).blocks if "not run" in block.marks]
    with capsys.disabled():
        for block in left_out:
            print(f"\n  not run: {block.where}: {block.marks['not run']}", end="")  # noqa: T201

    assert len(left_out) <= MOST_NOT_RUN


@pytest.mark.parametrize(
    ("expected", "actual", "is_so"),
    [
        ("3 jobs", "3 jobs\n", True),
        ("3 jobs", "4 jobs", False),
        ("job ... is READY", "job 01a is READY", True),
        ("one\n...\nfour", "one\ntwo\nthree\nfour", True),
        ("one\n...\nfour", "one\nfour", True),
        ("one\n...", "one\ntwo", True),
        ("one", "one\ntwo", False),
        ("a   b", "a b", True),
    ],
)
def test_output_agrees(expected, actual, is_so):
    assert agrees(expected, actual) is is_so
