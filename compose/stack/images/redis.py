"""Redis: keeps its files where it is started."""

from compose.stack.plan import Plan, require


def run_here(plan: Plan) -> None:
    """Run Debian's server on the volume."""
    plan.command[0] = require("redis-server", "redis-server")
    require("redis-cli", "redis-tools")
    plan.command += ["--bind", plan.address]
    plan.folder = plan.places.at("/data")
