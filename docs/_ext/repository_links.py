"""Links from pages to files of the repository that are no pages: `[alerts](../../monitoring/…/alerts.yml)`.

On a site that knows where the repository can be browsed they lead there; else the text stands alone.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<path>(?:\.\./)+[^)\s#]+)\)")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("repository_url", "", "env")
    app.connect("source-read", _rewrite)
    return {"parallel_read_safe": True}


def _rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    docs = Path(app.srcdir)
    folder = (docs / page).parent

    def rewritten(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        path = target.relative_to(docs.parent)
        if not target.exists():
            raise ValueError(f"{page}: there is no {path}")
        if not app.config.repository_url:
            return link["text"]
        return f"[{link['text']}]({app.config.repository_url}/{path})"

    source[0] = LINK.sub(rewritten, source[0])
