"""How the documents become a site: `make docs`, or `sphinx-build -W --keep-going -n docs build/docs`."""

import os
import sys
from pathlib import Path

import django

ROOT = Path(__file__).parent.parent

sys.path[:0] = [
    str(ROOT),
    *(str(ROOT / part) for part in ("tasks", "workers", "adapters", "monitoring", "docs/_ext")),
]

# The tests' settings have every app in them, which the reference is read from.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from taskyard import __version__  # noqa: E402 - Django must be set up

project = "Taskyard"
copyright = "The Taskyard team"  # noqa: A001 - Sphinx's name
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "repository_links",
    "state_drawing",
    "reference",
]
exclude_patterns = ["_build", "_ext"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

html_theme = "furo"
html_title = f"Taskyard {release}"
html_static_path = ["_static"]
html_css_files = ["taskyard.css"]
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sphinx = False

# Where the repository can be browsed, for links to files that are no pages; without it they are only named.
repository_url = os.environ.get("TASKYARD_DOCS_REPOSITORY", "")

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
napoleon_use_rtype = False
default_role = "literal"
suppress_warnings = ["config.cache"]

# Names of other libraries and of our insides are no links: only what the reference describes is one.
nitpick_ignore_regex = [("py:.*", ".*")]
