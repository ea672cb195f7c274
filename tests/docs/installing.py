"""Stands in for pip in the pages' commands: nothing is installed, but what is asked for must be there."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement

from .project import ROOT


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    command, *words = sys.argv[1:]
    faults = [] if command == "install" else [f"pip {command}"]
    for word in words:
        if word.startswith("-"):
            continue
        wanted = Requirement(word)
        if wanted.name == project["name"]:
            faults += [
                f"the extra {extra}" for extra in wanted.extras - set(project["optional-dependencies"])
            ]
            continue
        try:
            version(wanted.name)
        except PackageNotFoundError:
            faults.append(wanted.name)
    for fault in faults:
        sys.stderr.write(f"There is no {fault}.\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
