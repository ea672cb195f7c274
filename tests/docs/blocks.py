"""A page's code blocks, and the comments that say how they are run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from markdown_it import MarkdownIt

COMMENT = re.compile(r"^<!--\s*(?P<words>.*?)\s*-->\s*$", re.DOTALL)
MARK = re.compile(r"(?P<name>not run|exits|answers|background)(?::\s*(?P<value>.+))?", re.DOTALL)
PAGE_MARK = re.compile(r"(?P<name>project|needs|ports):\s*(?P<value>.+)")
HIDDEN = {"run": "python", "sh": "console"}


@dataclass(slots=True)
class Block:
    """A code block of a page, or set-up that readers do not see."""

    page: Path
    line: int
    """Where its first line of code stands, counted from 1."""
    language: str
    source: str
    marks: dict[str, str] = field(default_factory=dict)
    """What the comment above it says: `not run`, `exits`, `answers`, `background`."""
    hidden: bool = False

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file of the project that this block is, as its first line names it: `# shop/tasks.py`."""
        first = self.source.partition("\n")[0]
        found = re.fullmatch(r"# ([\w/]+\.py)", first.strip())
        return found[1] if found and self.language == "python" else None


@dataclass(slots=True)
class Page:
    """What a page has for the tests."""

    path: Path
    blocks: list[Block]
    project: str = "shop"
    needs: tuple[str, ...] = ()
    """The servers whose usual addresses stand in its code."""
    ports: tuple[str, ...] = ()
    """The ports on which its commands listen; each is a free one when they are run."""


def read(path: Path) -> Page:
    """Read a page's blocks and marks, from top to bottom.

    Raises:
        ValueError: a comment is meant for no block.
    """
    page = Page(path, [], project="busy" if path.parent.name == "runbooks" else "shop")
    marks: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(path.read_text()):
        if token.type == "fence":
            assert token.map is not None
            language = token.info.split()[0] if token.info.strip() else ""
            page.blocks.append(Block(path, token.map[0] + 2, language, token.content, marks))
            marks = {}
        elif token.type == "code_block":
            raise ValueError(f"{path.name}:{token.map[0] + 1}: fence this code and name its language.")
        elif token.type == "html_block" and (comment := COMMENT.match(token.content)):
            words = comment["words"]
            hidden, _, code = words.partition("\n")
            if hidden in HIDDEN:
                start = token.map[0] + 2
                page.blocks.append(
                    Block(path, start, HIDDEN[hidden], dedent(code) + "\n", marks, hidden=True)
                )
                marks = {}
            elif mark := MARK.fullmatch(words):
                marks[mark["name"]] = " ".join((mark["value"] or "").split())
            elif mark := PAGE_MARK.fullmatch(words):
                _say(page, mark["name"], mark["value"])
        elif marks and token.type not in {
            "html_block",
            "list_item_open",
            "bullet_list_open",
            "ordered_list_open",
        }:
            raise ValueError(f"{path.name}:{(token.map or [0])[0] + 1}: {marks} stands before no block.")
    return page


def _say(page: Page, name: str, value: str) -> None:
    if name == "project":
        page.project = value
    else:
        setattr(page, name, tuple(part.strip() for part in value.split(",")))


@dataclass(frozen=True, slots=True)
class Command:
    """A line that a reader types, and what it answers."""

    line: str
    expected: str


def commands(source: str) -> Iterator[Command]:
    """Yield the commands of a console block, each with the lines that follow it."""
    line, expected = "", []
    goes_on = False
    for text in source.splitlines():
        if goes_on:
            line += "\n" + text
        elif text.startswith("$ "):
            if line:
                yield Command(line, "\n".join(expected))
            line, expected = text[2:], []
        else:
            expected.append(text)
        goes_on = (goes_on or text.startswith("$ ")) and text.endswith("\\")
    if line:
        yield Command(line, "\n".join(expected))


def agrees(expected: str, actual: str) -> bool:
    """Tell whether a text is as a page says: `...` stands for anything in a line, or alone for any lines."""
    lines = [line.rstrip() for line in expected.strip().splitlines()]
    pattern = ""
    for line in lines:
        if line.strip() in {"...", "…"}:
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pieces = re.split(r"\.\.\.|…", line)
            pattern += r"[^\n]*?".join(
                r"[^\S\n]+".join(re.escape(word) for word in re.split(r"\s+", piece)) for piece in pieces
            )
            pattern += r"[^\S\n]*\n"
    text = "".join(f"{line.rstrip()}\n" for line in actual.strip().splitlines())
    return re.fullmatch(pattern, text) is not None
