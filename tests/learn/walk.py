"""Walk `docs/learn/first-job.md` from nothing: `python -m tests.learn.walk`.

Every line of the page is typed as it stands into one shell after the other, in an empty folder, with an environment
of its own into which the built wheel is installed by its name; nothing of this repository is within reach. The
tests of the documents run the same page against the source, which is quicker and leaves out the first lines.
"""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from taskyard.waiting import wait_until
from tests.docs.blocks import Block, agrees, commands, read
from tests.release.building import build
from tests.release.supported import ROOT
from tests.support import servers

PAGE = ROOT / "docs" / "learn" / "first-job.md"
REDIS = "redis://localhost:6379"

GROWS = {"settings.py", "urls.py"}
"""Files of the project to which the page adds."""


class Walk:
    """Somebody in an empty folder with the page before them."""

    def __init__(self, folder: Path, wheels: Path, redis: str, stack: ExitStack) -> None:
        self.folder = folder
        self.redis = redis
        self.stack = stack
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
            },
            "PIP_FIND_LINKS": str(wheels),
            "PIP_QUIET": "1",
            # As `python3`, and after `. .venv/bin/activate` in every further shell.
            "PATH": os.pathsep.join(
                [str(folder / ".venv" / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
        }

    def take(self, block: Block) -> None:
        """Do what a block asks for.

        Raises:
            AssertionError: it does not do what the page says.
        """
        if block.language == "python" and block.file:
            self._write(block.file, block.source.replace(REDIS, self.redis))
        elif block.language == "python":
            self._run([self.folder / ".venv/bin/python", "manage.py", "shell", "-v", "0", "-c", block.source])
        else:
            for command in commands(block.source):
                self._type(block, command.line, command.expected)

    def _write(self, name: str, source: str) -> None:
        if name not in GROWS:
            (self.folder / name).write_text(source)
            return
        # What `...` stands for in the page is what was there.
        source = re.sub(r"(?m)^([A-Z_]+) = \[\.\.\., ", r"\1 += [", source)
        with (self.folder / "mysite" / name).open("a") as file:
            file.write(source)

    def _type(self, block: Block, line: str, expected: str) -> None:
        if "background" in block.marks:
            self._start(line, expected)
            return
        output = self._run(["bash", "-ec", line])
        if expected.strip() and not agrees(expected, output):
            raise AssertionError(f"{block.where}: `{line}` wrote\n{output}")

    def _run(self, command: list[object]) -> str:
        ended = subprocess.run(
            [*map(str, command)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise AssertionError(f"`{command[-1]}` ended with {ended.returncode}:\n{ended.stdout}")
        return ended.stdout

    def _start(self, line: str, expected: str) -> None:
        log = self.folder / f"log-{len(line)}"
        with log.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=file,
            )
        self.stack.callback(servers.stop, process)
        wait_until(
            lambda: process.poll() is None and agrees(f"{expected}\n...", log.read_text()),
            f"`{line}` writes what the page says; see {log}",
            60,
        )


def main() -> None:
    """Walk the page."""
    with ExitStack() as stack:
        wheels = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(servers.redis())
        wheel, _ = build(wheels)
        walk = Walk(folder, wheel.parent, redis.address.removesuffix("/0"), stack)
        for block in read(PAGE).blocks:
            walk.take(block)
    sys.stdout.write(f"{PAGE.name}: every line works as it stands, from an empty folder on.\n")


if __name__ == "__main__":
    main()
