"""Wheel and sdist: built twice alike, with all that belongs in them and nothing else."""

import hashlib
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import HeaderParser
from email.policy import compat32
from pathlib import Path

from packaging.metadata import Metadata

from .running import expect, run
from .supported import ROOT, project

PACKAGES = {
    "taskyard": "tasks",
    "taskyard_workers": "workers",
    "taskyard_adapters": "adapters",
    "taskyard_monitoring": "monitoring",
}
"""What is shipped, and the part of the house in which it lives."""

BESIDE_THE_PACKAGES = {"README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", "pyproject.toml", ".gitignore"}
"""What an sdist has more; .gitignore is hatchling's doing, which reads it when a wheel is built from there."""


def build(folder: Path) -> tuple[Path, Path]:
    """Build wheel and sdist into a folder, twice, and return them.

    Raises:
        Unfit: where the two builds differ.
    """
    builds = [folder / "first", folder / "second"]
    for each in builds:
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", each, ROOT, cwd=folder)
    first, second = ({path.name: _digest(path) for path in each.iterdir()} for each in builds)
    expect(first == second, f"two builds of the same source differ: {first} and {second}")
    [wheel], [sdist] = builds[0].glob("*.whl"), builds[0].glob("*.tar.gz")
    return wheel, sdist


def check_contents(wheel: Path, sdist: Path) -> None:
    """Raise `Unfit` unless both hold every file of the packages, and nothing of the rest of the repository."""
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if ".dist-info/" not in name}
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    ours = {
        f"{package}/{name}": f"{part}/{package}/{name}"
        for package, part in PACKAGES.items()
        for name in _tracked(ROOT / part / package)
    }
    _compare("the wheel", in_wheel, ours)
    _compare("the sdist", in_sdist - BESIDE_THE_PACKAGES, ours.values())
    expect(
        in_sdist >= BESIDE_THE_PACKAGES - {".gitignore"}, f"the sdist lacks {BESIDE_THE_PACKAGES - in_sdist}"
    )


def check_metadata(wheel: Path) -> None:
    """Raise `Unfit` unless what an index shows of it is valid and complete."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name)
    metadata = Metadata.from_email(text)  # raises where a field is not as the standard has it
    headers = HeaderParser(policy=compat32).parsestr(text.decode())
    expect(not headers.defects, f"the metadata cannot be read: {headers.defects}")
    expect(metadata.description, "the README is not in the metadata")
    expect(metadata.license_expression == project()["license"], "the licence is not in the metadata")
    extras = set(metadata.provides_extra or ())
    expect(extras == set(project()["optional-dependencies"]), f"the extras are {sorted(extras)}")
    version = str(metadata.version)
    changes = (ROOT / "CHANGELOG.md").read_text()
    expect(
        f"## {version}" in changes or "## Unreleased" in changes,
        f"CHANGELOG.md has a chapter neither for {version} nor for what is unreleased",
    )


def _compare(what: str, names: set[str], expected: Iterable[str]) -> None:
    missing, foreign = set(expected) - names, names - set(expected)
    expect(not missing, f"missing from {what}: {sorted(missing)}")
    expect(not foreign, f"does not belong into {what}: {sorted(foreign)}")


def _tracked(package: Path) -> list[str]:
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=package).splitlines()
    return [name for name in names if (package / name).exists()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
