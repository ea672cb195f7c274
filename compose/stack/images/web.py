"""nginx with our configuration and the site's static files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from compose.stack.addresses import port_here
from compose.stack.places import ROOT
from compose.stack.plan import CannotRunHere, Plan, require

MIME_TYPES = Path("/etc/nginx/mime.types")


def run_here(plan: Plan) -> None:
    """Run Debian's nginx in the foreground, on the configuration that the image has."""
    program = require("nginx", "nginx-light")
    require("curl", "curl")
    plan.places.put("/srv/static", _collected(plan.data / "static"))
    folder = plan.places.copy(ROOT / "compose" / "nginx", "/etc/nginx", plan.rewrite)
    shutil.copy(MIME_TYPES, folder)
    configuration = folder / "nginx.conf"
    configuration.write_text(_for_this_machine(configuration.read_text(), plan))
    plan.command = [program, "-p", str(folder), "-c", str(configuration), "-g", "daemon off;", *plan.command]


def _for_this_machine(text: str, plan: Plan) -> str:
    """Return the configuration with what differs where nginx is not alone on a machine."""
    [before, after] = text.split("listen 80;")
    text = f"{before}listen {plan.address}:{port_here(80)};{after}"
    caches = plan.places.at("/var/cache/nginx")
    more = "".join(f" {kind}_temp_path {caches}/{kind};" for kind in ("fastcgi", "uwsgi", "scgi"))
    text = text.replace("http {", f"http {{{more}", 1)
    # The data are this user's alone; where that is root, nginx would become somebody else.
    return f"user root;\n{text}" if os.geteuid() == 0 else text


def _collected(static: Path) -> Path:
    """Collect the static files, as the Dockerfile does."""
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    environment = {
        **os.environ,
        "SHOP_DEBUG": "1",
        "SHOP_VAR": str(static),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT / "project", env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotRunHere(f"collectstatic failed: {done.stderr}")
    return static / "static"
