"""Where on this machine is what a service sees under a path of its own."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .reading import Mount, Service

ROOT = Path(__file__).parents[2]
"""The repository."""


class Places:
    """The paths of one service."""

    def __init__(self, service: Service, data: Path) -> None:
        """Take note of the service's mounts; what is kept lies in the data folder."""
        self._data = data
        self._name = service.name
        self._mounts = service.mounts
        self._known: dict[str, Path] = {}

    def prepare(self, rewrite: Callable[[str], str]) -> None:
        """Make the folders; files of ours are copied, with the addresses that hold here."""
        for mount in self._mounts:
            self._mount(mount)
        for mount in self._mounts:
            if mount.kind == "bind":
                self.copy(Path(mount.source), mount.target, rewrite)

    def _mount(self, mount: Mount) -> None:
        if mount.kind == "volume":
            self.put(mount.target, self._data / "volumes" / mount.source)
        else:
            self.put(mount.target, self._own(mount.target))
        here = self.at(mount.target)
        if mount.kind == "secret":
            here.parent.mkdir(parents=True, exist_ok=True)
            here.touch(0o600)
            here.write_text(mount.source)
        elif mount.kind != "bind":
            here.mkdir(parents=True, exist_ok=True)

    def put(self, target: PurePosixPath | str, here: Path) -> Path:
        """Say where a path of the service is on this machine."""
        self._known[str(target)] = here
        return here

    def copy(self, source: Path, target: PurePosixPath | str, rewrite: Callable[[str], str]) -> Path:
        """Copy text files of the repository to where the service sees them."""
        here = self.put(target, self._own(PurePosixPath(target)))
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        if source.is_dir():
            shutil.rmtree(here, ignore_errors=True)
        for file in files:
            copied = here / file.relative_to(source) if source.is_dir() else here
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_text(rewrite(self.in_text(file.read_text())))
        return here

    def _own(self, target: PurePosixPath) -> Path:
        return self._data / "services" / self._name / target.relative_to("/")

    def at(self, target: PurePosixPath | str) -> Path:
        """Return where a path of the service is on this machine."""
        return Path(self.in_text(str(target)))

    def in_text(self, text: str) -> str:
        """Return a text with the paths of this machine instead of the service's."""
        targets = "|".join(map(re.escape, sorted(self._known, key=len, reverse=True)))
        if not targets:
            return text
        return re.sub(rf"(?<![\w./-])({targets})(?![\w.-])", lambda found: str(self._known[found[1]]), text)
