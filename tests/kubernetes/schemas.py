"""Check the manifests against the schemas of Kubernetes, KEDA and the Prometheus operator.

    python -m tests.kubernetes.schemas

The schemas come as packages: the dependency group `kubernetes`, in an environment of its own, as one of them brings
a plugin for pytest that every run would load. Kubernetes' own are strict: what they do not know is an error.
"""

import sys
from typing import Any

import cloudcoil.models.keda.v1alpha1 as keda
import cloudcoil.models.prometheus_operator.v1 as prometheus_operator
import kubernetes_validate

from tests.kubernetes.rendering import EVERYTHING, Manifest, rendered

VERSIONS = ["1.29", "1.37"]
"""The oldest that the manifests are for, and the newest that the schemas know."""

MODELS = {
    "keda.sh/v1alpha1": keda,
    "monitoring.coreos.com/v1": prometheus_operator,
}


def faults(manifest: Manifest) -> list[str]:
    """Return what is wrong with a manifest."""
    if module := MODELS.get(manifest["apiVersion"]):
        return _faults_of_model(getattr(module, manifest["kind"]), manifest)
    return [fault for version in VERSIONS for fault in _faults_in(version, manifest)]


def _faults_in(version: str, manifest: Manifest) -> list[str]:
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"]
    return []


def _faults_of_model(model: Any, manifest: Manifest) -> list[str]:
    try:
        read = model.model_validate(manifest)
    except ValueError as error:
        return [str(error)]
    # The models pass over what they do not know: it is missing from what they have read.
    kept = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [f"{path} is unknown" for path in _missing(manifest, kept)]


def _missing(given: Any, kept: Any, path: str = "") -> list[str]:
    if isinstance(given, dict):
        return [
            found
            for key, value in given.items()
            for found in (_missing(value, kept[key], f"{path}.{key}") if key in kept else [f"{path}.{key}"])
        ]
    if isinstance(given, list):
        return [
            found
            for number, value in enumerate(given)
            for found in _missing(value, kept[number], f"{path}[{number}]")
        ]
    return []


def main() -> None:
    """Check all overlays; exit with 1 where something is wrong."""
    found = []
    for overlay in ("development", "production", EVERYTHING):
        manifests = rendered(overlay)
        for manifest in manifests:
            name = f"{overlay}: {manifest['kind']} {manifest['metadata']['name']}"
            found += [f"{name}: {fault}" for fault in faults(manifest)]
        sys.stdout.write(f"{overlay}: {len(manifests)} manifests\n")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
