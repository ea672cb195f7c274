"""Grafana: Debian has no package of it."""

from compose.stack.plan import CannotRunHere, Plan


def run_here(_plan: Plan) -> None:
    """Say what to do instead.

    Raises:
        CannotRunHere: always.
    """
    raise CannotRunHere(
        "Debian has no package of it. The dashboards in monitoring/grafana can be given to any Grafana; "
        "Prometheus's own pages show the same numbers."
    )
