"""Run a command on a database of its own: `python -m tests.with_database postgresql pytest`.

Starts the server, tells the command its address in TASKYARD_TEST_DATABASE, and stops the server after it.
"""

import os
import subprocess
import sys
from functools import partial

from tests.support import servers

SERVERS = {"postgresql": partial(servers.postgresql, fsync=False), "mysql": servers.mysql}


def main(kind: str, *command: str) -> int:
    """Return the command's exit code; where the server is missing, 1 with CI=true and else 0."""
    try:
        with SERVERS[kind]() as address:
            environment = {**os.environ, "TASKYARD_TEST_DATABASE": address}
            return subprocess.run(command, env=environment, check=False).returncode
    except servers.ServerMissing as missing:
        sys.stderr.write(f"Skipped: {missing}\n")
        return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
