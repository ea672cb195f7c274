"""RabbitMQ: a node of its own, with an Erlang port mapper of its own."""

import os
import shutil
from pathlib import Path

from compose.stack.addresses import free_port, port_here
from compose.stack.plan import Plan, require

DEBIAN = Path("/usr/lib/rabbitmq/bin")
"""Debian's scripts on PATH become another user and drop the environment; these do not."""

AMQP = 5672


def run_here(plan: Plan) -> None:
    """Run Debian's server on the volume."""
    if not DEBIAN.exists():
        require("rabbitmq-server", "rabbitmq-server")
    folder = plan.places.at("/var/lib/rabbitmq")
    enabled = folder / "enabled_plugins"
    enabled.write_text("[].\n")
    plan.folder = folder
    plan.command = ["rabbitmq-server"]
    # It listens on the address that all share, whatever else it is told.
    mapper_port = str(free_port())
    plan.environment |= {
        "PATH": os.pathsep.join([str(DEBIAN), plan.environment["PATH"]]),
        # Where the node and its tools keep the secret that they share.
        "HOME": str(folder),
        # Its tools ask the host of this name, which has to be its address.
        "RABBITMQ_NODENAME": f"taskyard@{plan.address}",
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_NODE_IP_ADDRESS": plan.address,
        "RABBITMQ_NODE_PORT": str(port_here(AMQP)),
        # It first tries this one on all addresses, where the usual one may be another node's.
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": plan.address,
        "ERL_EPMD_PORT": mapper_port,
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(enabled),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CTL_ERL_ARGS": "+S 1:1 +sbwt none",
        # Else it keeps a processor busy with looking for work, and listens on all of the machine's addresses.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"+S 2:2 +sbwt none -kernel inet_dist_use_interface {{{plan.address.replace('.', ',')}}}"
        ),
    }
    # The port mapper leaves its parent's group.
    if mapper := shutil.which("epmd"):
        plan.after.append([mapper, "-port", mapper_port, "-kill"])
