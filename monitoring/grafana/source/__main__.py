"""Write the dashboards into `monitoring/grafana/dashboards/`."""

import argparse
from pathlib import Path

from .files import FOLDER, written
from .page import CONSOLE_URL, RUNBOOKS_URL

parser = argparse.ArgumentParser(prog="python -m monitoring.grafana.source", description=__doc__)
parser.add_argument("--console", default=CONSOLE_URL, help="where your console is (default: %(default)s)")
parser.add_argument("--runbooks", default=RUNBOOKS_URL, help="where the runbooks are (default: %(default)s)")
parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (default: %(default)s)")
options = parser.parse_args()

options.folder.mkdir(parents=True, exist_ok=True)
for name, text in written(options.console, options.runbooks).items():
    (options.folder / name).write_text(text)
