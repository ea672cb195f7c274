"""Our own code: the site, workers, dispatcher, migrations, Flower. Runs in this clone, by this Python."""

import os
import re
import shlex

from compose.stack.places import ROOT
from compose.stack.plan import Plan

DOCKERFILE = ROOT / "compose" / "Dockerfile"

PLACES = {"/app": ROOT}


def environment() -> dict[str, str]:
    """Return what the image sets."""
    return {name: value for name, value in _stage("app").items() if name != "PATH"}


def run_here(plan: Plan) -> None:
    """Start it where the image does, and let it find what only the repository has."""
    plan.folder = ROOT / "project"
    plan.environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(ROOT), plan.environment.get("PYTHONPATH")])
    )


def _stage(name: str) -> dict[str, str]:
    """Return what ENV says in a stage of the Dockerfile."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    [stage] = re.findall(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", text, re.DOTALL | re.MULTILINE)
    said = re.findall(r"^ENV (.*)$", stage, re.MULTILINE)
    return dict(word.split("=", 1) for line in said for word in shlex.split(line))
